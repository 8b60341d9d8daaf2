"""Puts the parts together around the services of one local cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.types import ASGIApp

from oss_local_cloud.clock import CloudClock
from oss_local_cloud.fault_injection.accounting import Accounts
from oss_local_cloud.fault_injection.admin import AdminApi
from oss_local_cloud.fault_injection.connections import Connections
from oss_local_cloud.fault_injection.conversions import DisturbedCourse
from oss_local_cloud.fault_injection.fault_injector import FaultInjector
from oss_local_cloud.fault_injection.http_layer import FaultLayer
from oss_local_cloud.fault_injection.notifications import Notifications
from oss_local_cloud.fault_injection.service_adapters import ImmAdapter, OssAdapter, ServiceAdapter, SmqAdapter
from oss_local_cloud.imm.task_hooks import TaskHooks
from oss_local_cloud.smq.service import SmqService
from oss_local_cloud.store.object_store import LocalObjectStore


class Misbehaviour:
    """`course` goes to the conversion service; `admin` is the application of the admin port."""

    def __init__(
        self,
        director: FaultInjector,
        notifications: Notifications,
        course: TaskHooks,
        accounts: Accounts,
        faces: Sequence[ServiceAdapter],
    ) -> None:
        self.course = course
        self.admin: ASGIApp = AdminApi(director, notifications, accounts, faces).app
        self._director = director
        self._faces = faces

    def around(self, apps: Sequence[ASGIApp]) -> list[tuple[ASGIApp, Connections]]:
        """The three services' applications (OSS, SMQ, IMM) behind their layers, each with the connections that its
        server has to remember.
        """
        layered: list[tuple[ASGIApp, Connections]] = []
        for app, face in zip(apps, self._faces, strict=True):
            connections = Connections()
            layered.append((FaultLayer(app, face, self._director, connections), connections))
        return layered

    def drain(self) -> None:
        """End what only waits, so that the servers can shut down at once."""
        self._director.draining.set()


@asynccontextmanager
async def misbehaving(
    data_dir: Path, clock: CloudClock, store: LocalObjectStore, smq: SmqService, host: str, seed: int | None
) -> AsyncIterator[Misbehaviour]:
    """Read the rules that `data_dir` keeps, and stand between publishers and the topics of `smq` (which is started)."""
    async with FaultInjector(data_dir, clock).open(seed) as director, Notifications(director, smq).open() as messages:
        course = DisturbedCourse(director, store, messages)
        faces = (OssAdapter({host}), SmqAdapter(), ImmAdapter())
        yield Misbehaviour(director, messages, course, Accounts(data_dir), faces)
