"""The stack of the harness: CeleryExecutor, two triggerers, fast detection of ended processes, fault injection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oss_local_cloud.fault_injection.admin_client import AdminClient
from tools.chaos.settings import ASK_AFTER, ASK_AFTER_VARIABLE, FAST_DETECTION, with_short_timeouts
from tools.stack import CloudEndpoints, CloudSettings, Stack
from tools.stack.environment import Folders, connections
from tools.stack.ports import HOST, free_port
from tools.stack.settings import RunSecrets


@contextmanager
def chaos_stack(folder: Path, seed: int, ask_after: float = ASK_AFTER) -> Iterator[tuple[Stack, AdminClient]]:
    """Start the stack, and end it with the block.

    Args:
        folder: where its run directory is made.
        seed: seed of the local cloud's faults.
        ask_after: seconds without a notification after which a waiting shard asks the service.

    Yields:
        The stack, and a client of the local cloud's admin API.

    Raises:
        StackError: the stack didn't start.
    """
    run_dir, cloud, admin_port = folder.resolve() / "run", CloudSettings(), free_port()
    ports = (free_port(), free_port(), free_port())
    endpoints = CloudEndpoints(*(f"http://{HOST}:{port}" for port in ports))
    known = connections(Folders(run_dir), RunSecrets.of(run_dir), cloud, endpoints)
    stack = Stack(
        run_dir,
        cloud=cloud,
        cloud_ports=ports,
        dags_folder=Path(__file__).with_name("dags"),
        celery=True,
        extra_env={
            **FAST_DETECTION,
            ASK_AFTER_VARIABLE: str(ask_after),
            "AIRFLOW_CONN_OSS_DEFAULT": with_short_timeouts(known["AIRFLOW_CONN_OSS_DEFAULT"]),
            "LOCAL_CLOUD_ADMIN_PORT": str(admin_port),
            "LOCAL_CLOUD_SEED": str(seed),
        },
    )
    with stack:
        yield stack, AdminClient(f"http://{HOST}:{admin_port}")
