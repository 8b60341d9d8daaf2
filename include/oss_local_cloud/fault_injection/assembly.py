"""Assembles fault injection around the services of one local cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.types import ASGIApp

from oss_local_cloud.clock import CloudClock
from oss_local_cloud.fault_injection.accepted_tasks import AcceptedTasks
from oss_local_cloud.fault_injection.admin_api import AdminApi
from oss_local_cloud.fault_injection.connections import Connections
from oss_local_cloud.fault_injection.fault_injector import FaultInjector
from oss_local_cloud.fault_injection.message_faults import MessageFaults
from oss_local_cloud.fault_injection.request_faults import RequestFaults
from oss_local_cloud.fault_injection.service_adapters import ImmAdapter, OssAdapter, ServiceAdapter, SmqAdapter
from oss_local_cloud.fault_injection.task_faults import FaultyTaskHooks
from oss_local_cloud.imm.task_hooks import TaskHooks
from oss_local_cloud.smq.service import SmqService
from oss_local_cloud.store.object_store import LocalObjectStore


class FaultInjection:
    """`task_hooks` goes to the conversion service; `admin` is the application of the admin port."""

    def __init__(
        self,
        injector: FaultInjector,
        message_faults: MessageFaults,
        task_hooks: TaskHooks,
        accepted: AcceptedTasks,
        adapters: Sequence[ServiceAdapter],
    ) -> None:
        self.task_hooks = task_hooks
        self.admin: ASGIApp = AdminApi(injector, message_faults, accepted, adapters).app
        self._injector = injector
        self._adapters = adapters

    def around(self, apps: Sequence[ASGIApp]) -> list[tuple[ASGIApp, Connections]]:
        """Wrap the three services' applications (OSS, SMQ, IMM), each with the connections of its server."""
        layered: list[tuple[ASGIApp, Connections]] = []
        for app, adapter in zip(apps, self._adapters, strict=True):
            connections = Connections()
            layered.append((RequestFaults(app, adapter, self._injector, connections), connections))
        return layered

    def drain(self) -> None:
        """End all delays, so that the servers can shut down at once."""
        self._injector.draining.set()


@asynccontextmanager
async def open_fault_injection(
    data_dir: Path, clock: CloudClock, store: LocalObjectStore, smq: SmqService, host: str, seed: int | None
) -> AsyncIterator[FaultInjection]:
    """Read the rules that `data_dir` keeps, and intercept messages to the topics of `smq` (which is started)."""
    async with FaultInjector(data_dir, clock).open(seed) as injector, MessageFaults(injector, smq).open() as messages:
        task_hooks = FaultyTaskHooks(injector, store, messages)
        adapters = (OssAdapter({host}), SmqAdapter(), ImmAdapter())
        yield FaultInjection(injector, messages, task_hooks, AcceptedTasks(data_dir), adapters)
