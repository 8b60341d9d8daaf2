"""The stack that the benchmarks of whole runs share: the local cloud behind counting relays, clips, and a DAG run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from benchmarks.clips import make_clips
from benchmarks.relay import HOST, Requests, relays
from oss_audio_core.audio_convert.profile_files import FOLDER_SETTING, PROFILES_DIRECTORY, load_profiles
from oss_audio_core.pipeline.flow import in_order
from oss_local_cloud.fault_injection.admin_client import AdminClient
from oss_local_cloud.fault_injection.rules import Instant
from tools.demo.upload import oss_settings
from tools.stack import CloudEndpoints, Stack, StackError
from tools.stack.environment import Folders, connections
from tools.stack.ports import free_port
from tools.stack.settings import CloudSettings, RunSecrets

Say = Callable[[str], None]
Verify = Literal["as shipped", "probe", "decode"]
VERIFY: tuple[Verify, ...] = get_args(Verify)

SETTLE = 10.0
"""Seconds after the start until idle use is measured: the DAG processor's first round, the API server's first calls."""

CONVERTERS = 16
"""Conversions that the local cloud has under way at once when they are instant: they share flushes of the disk."""

UPLOADERS = 4
PROGRESS_SECONDS = 15.0
"""Seconds between two lines of progress."""


@dataclass(frozen=True)
class Workload:
    """What is converted, and how.

    Attributes:
        files: sources, all different.
        seconds: length of each; 32 kB a second.
        profile: the one rendition of each.
        instant: FFmpeg makes the first rendition, the local cloud stores it again for all others (their sources have
            the same header and size).
        verify: how the renditions are verified, in place of the profile's own policy.
    """

    files: int
    seconds: float = 1.0
    profile: str = "mobile-mp3"
    instant: bool = False
    verify: Verify = "as shipped"


@contextmanager
def airflow_stack(
    folder: Path,
    workload: Workload,
    requests: Requests,
    say: Say,
    extra_env: Mapping[str, str] | None = None,
    dags: Path | None = None,
) -> Iterator[Stack]:
    """Run a stack whose Airflow reaches the local cloud through counting relays; its bucket has the clips."""
    run_dir, admin_port = folder / "run", free_port()
    cloud, services = CloudSettings(), ("oss", "smq", "imm")
    ports = {name: (free_port(), free_port()) for name in services}
    counted = CloudEndpoints(**{name: f"http://{HOST}:{ports[name][0]}" for name in services})
    fault_injection = {"LOCAL_CLOUD_ADMIN_PORT": str(admin_port), "LOCAL_CLOUD_WORKERS": str(CONVERTERS)}
    stack = Stack(
        run_dir,
        cloud=cloud,
        cloud_ports=(ports["oss"][1], ports["smq"][1], ports["imm"][1]),
        dags_folder=dags,
        extra_env={
            **connections(Folders(run_dir.resolve()), RunSecrets.of(run_dir), cloud, counted),
            FOLDER_SETTING: str(profiles_of(folder / "profiles", workload)),
            "OSS_AUDIO_PROFILES": workload.profile,
            # One shard, whose tasks follow one another: then what each step costs can be told by its time.
            "OSS_AUDIO_SHARD_SIZE": str(workload.files),
            "OSS_AUDIO_SHARD_MINUTES": str(1 + workload.files * workload.seconds),
            # The benchmark triggers its runs itself: a new DAG would start last night's run at once.
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
            **(fault_injection if workload.instant else {}),
            **(extra_env or {}),
        },
    )
    say("starting the local cloud and Airflow")
    with relays(ports, requests), stack:
        if workload.instant:
            AdminClient(f"http://{HOST}:{admin_port}").add(Instant(equal="header"))
        say(f"uploading {workload.files:,} clips of {workload.seconds:g} s")
        _upload(stack, workload, say)
        yield stack


def run_dag(
    stack: Stack,
    dag_id: str,
    run_id: str,
    say: Say,
    progress: Callable[[], str],
    *,
    timeout: float,
    conf: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Trigger a DAG and wait until its run has succeeded; print what `progress` returns now and then.

    Raises:
        StackError: the run failed, or did not end within `timeout` seconds.
    """
    next_line = Pace()

    def watch() -> None:
        stack.processes.require_alive()
        if next_line.is_due():
            say("  " + progress())

    stack.airflow.trigger(dag_id, conf or {}, run_id)
    say("running " + dag_id)
    run = stack.airflow.wait_for_run(dag_id, run_id, timeout, watch, poll_seconds=1.0)
    if run["state"] != "success":
        raise StackError(f"the run is {run['state']}:\n{stack.airflow.explain_failure(dag_id, run_id)}")
    return run


class Pace:
    """The times at which lines of progress are due."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def is_due(self) -> bool:
        """Whether PROGRESS_SECONDS have passed since the last line."""
        due = time.monotonic() - self._last >= PROGRESS_SECONDS
        if due:
            self._last = time.monotonic()
        return due


def profiles_of(folder: Path, workload: Workload) -> Path:
    """Return a folder whose one profile is verified according to the workload."""
    if workload.verify == "as shipped":
        return PROFILES_DIRECTORY
    profile = load_profiles(PROFILES_DIRECTORY)[workload.profile]
    target = {"key": profile.target_key} | ({"bucket": profile.target_bucket} if profile.target_bucket else {})
    own = {
        "description": profile.description,
        "convert": {name: value for name, value in asdict(profile.convert).items() if value is not None},
        "target": target,
        "publish": profile.publish,
        "verify": workload.verify,
    }
    folder.mkdir(parents=True)
    (folder / "benchmark.yaml").write_text(yaml.safe_dump({"profiles": {profile.name: own}}))
    return folder


def _upload(stack: Stack, workload: Workload, say: Say) -> None:
    settings, names = oss_settings(stack), stack.cloud_settings
    bucket = settings.bucket(names.bucket, session=settings.session())
    next_line = Pace()

    def put(clip: tuple[str, bytes]) -> None:
        bucket.put_object(names.prefix + clip[0], clip[1], headers={"Content-Type": "audio/wav"})

    with ThreadPoolExecutor(UPLOADERS) as pool:
        clips = make_clips(workload.files, workload.seconds)
        for done, _ in enumerate(in_order(pool, put, clips, ahead=8 * UPLOADERS), 1):
            if next_line.is_due():
                say(f"  {done:,} uploaded")
