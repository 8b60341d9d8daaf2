"""The local cloud: three HTTP services over one data directory, in one process and one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from starlette.types import ASGIApp

from oss_local_cloud.clock import CloudClock
from oss_local_cloud.config import IMM_PROJECT, Config, ConfigError
from oss_local_cloud.data_lock import DataLock
from oss_local_cloud.events.outbox_relay import OutboxRelay
from oss_local_cloud.http_server import HttpProtocol, HttpServer, Refusal, http_server, plain_text
from oss_local_cloud.imm import app as imm_app
from oss_local_cloud.imm.engine.binaries import EngineUnavailable
from oss_local_cloud.imm.service import ImmService
from oss_local_cloud.oss import app as oss_app
from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.app import ObjectApi
from oss_local_cloud.signatures.oss_verifier import OssVerifier
from oss_local_cloud.smq import app as smq_app
from oss_local_cloud.smq.service import SmqService
from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.storage import SchemaVersionMismatch

if TYPE_CHECKING:
    from oss_local_cloud.fault_injection.assembly import FaultInjection

STORE_THREADS = 32
"""Requests that may wait for the disk at once; waiting writes share their flushes."""
_BACKLOG = 2048


@dataclass(frozen=True)
class Endpoints:
    """The address of each service for its clients."""

    oss: str
    smq: str
    imm: str
    admin: str | None = None

    def as_dict(self) -> dict[str, str]:
        """For the line of JSON the command prints; `admin` only when that port is on."""
        return {name: address for name, address in asdict(self).items() if address is not None}


@dataclass(frozen=True)
class _Served:
    """One application on one socket.

    Attributes:
        refusal: what its server responds to a request that reaches no application.
        own_date: whether the application writes its own Date header.
    """

    app: ASGIApp
    listener: socket.socket
    refusal: Refusal = plain_text
    own_date: bool = False
    protocol: type[HttpProtocol] = HttpProtocol

    def server(self) -> HttpServer:
        """A server for it."""
        return http_server(self.app, date_header=not self.own_date, refusal=self.refusal, protocol=self.protocol)


class LocalCloud:
    """`async with LocalCloud(config) as cloud:` serves at `cloud.endpoints` until the block ends.

    Raises:
        ConfigError: A port or the data directory can't be used.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._stack = contextlib.AsyncExitStack()
        self._endpoints: Endpoints | None = None

    @property
    def endpoints(self) -> Endpoints:
        """Where the services listen; only inside the `async with` block."""
        if self._endpoints is None:
            raise RuntimeError("the local cloud is not serving")
        return self._endpoints

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._endpoints = None
        await self._stack.aclose()

    async def _start(self) -> None:
        config, stack = self.config, self._stack
        lock = DataLock(config.data)
        stack.callback(lock.release)
        sockets = [
            stack.enter_context(_listen(config.host, port, flag))
            for port, flag in (
                (config.oss_port, "--oss-port"),
                (config.smq_port, "--smq-port"),
                (config.imm_port, "--imm-port"),
            )
        ]
        clock = CloudClock()
        try:
            store = LocalObjectStore(config.data, clock)
        except SchemaVersionMismatch as error:
            raise ConfigError(
                f"--data {config.data} was written by another version of the local cloud: {error}."
                " Name another directory."
            ) from error
        stack.callback(store.close)
        smq = SmqService(config.data, config.region, config.credentials, clock=clock)
        await smq.start()
        stack.push_async_callback(smq.stop)
        await self._prepare(store, smq)
        faults = await self._fault_injection(clock, store, smq)
        events = OutboxRelay(store.events, smq.publish)
        await events.start()
        stack.push_async_callback(events.stop)
        imm = ImmService(
            config.data,
            store,
            smq.publish,
            smq.topic_exists,
            config.region,
            config.credentials,
            workers=config.workers,
            clock=clock,
            task_hooks=None if faults is None else faults.task_hooks,
        )
        try:
            await imm.start()
        except EngineUnavailable as error:
            raise ConfigError(str(error)) from error
        stack.push_async_callback(imm.stop)
        threads = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="object-store")
        stack.callback(threads.shutdown)
        verifier = OssVerifier(config.credentials, config.region, clock.now)
        oss = ObjectApi(ApiContext(store, imm, config.region, threads, events), verifier, {config.host})
        apps: tuple[ASGIApp, ...] = (oss, smq.app, imm.app)
        refusals = (oss_app.refusal, smq_app.refusal, imm_app.refusal)
        if faults is None:
            services = [
                _Served(app, at, refusal, own_date=app is oss)
                for app, at, refusal in zip(apps, sockets, refusals, strict=True)
            ]
            await stack.enter_async_context(_serving(services, smq.drain))
            self._endpoints = Endpoints(*(_address(config.host, listener) for listener in sockets))
            return
        admin = stack.enter_context(_listen(config.admin_host, config.admin_port or 0, "--admin-port"))
        services = [
            _Served(app, at, refusal, own_date=True, protocol=connections.protocol())
            for (app, connections), at, refusal in zip(faults.around(apps), sockets, refusals, strict=True)
        ]
        await stack.enter_async_context(_serving([*services, _Served(faults.admin, admin)], smq.drain, faults.drain))
        oss_at, smq_at, imm_at = (_address(config.host, listener) for listener in sockets)
        self._endpoints = Endpoints(oss_at, smq_at, imm_at, _address(config.admin_host, admin))

    async def _fault_injection(
        self, clock: CloudClock, store: LocalObjectStore, smq: SmqService
    ) -> FaultInjection | None:
        """Fault injection; None, and nothing of it loaded, without an admin port."""
        if self.config.admin_port is None:
            return None
        from oss_local_cloud.fault_injection.assembly import open_fault_injection

        config = self.config
        return await self._stack.enter_async_context(
            open_fault_injection(config.data, clock, store, smq, config.host, config.seed)
        )

    async def _prepare(self, store: LocalObjectStore, smq: SmqService) -> None:
        """Make the buckets, the topic and the queue the configuration names; what is there stays."""
        for bucket in self.config.buckets:
            await asyncio.to_thread(store.create_bucket, bucket, imm_project=IMM_PROJECT)
        for rule in await asyncio.to_thread(store.events.configure, self.config.region, self.config.event_rules):
            await smq.ensure(topic=rule.topic, queue=None)
        topic, queue = self.config.topic, self.config.queue
        await smq.ensure(topic=topic, queue=queue)


@contextlib.asynccontextmanager
async def _serving(services: Sequence[_Served], *before_shutdown: Callable[[], None]) -> AsyncIterator[None]:
    """Serve each application on its socket until the block ends, then call `before_shutdown`."""
    servers = [(one.server(), one.listener) for one in services]
    async with asyncio.TaskGroup() as tasks:
        for server, listener in servers:
            tasks.create_task(server.serve([listener]))
        try:
            for server, _ in servers:
                await server.accepting.wait()
            yield
        finally:
            for prepare in before_shutdown:
                prepare()
            for server, _ in servers:
                server.should_exit = True


@contextlib.contextmanager
def _listen(host: str, port: int, flag: str) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only for sockets that say they are TCP; with it, an answer of two
    # segments waits 40 ms for the client's acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"{flag} {port} on --host {host} can't be used: {error.strerror or error}."
                " Choose another port, or 0 for any free one."
            ) from error
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        yield listener


def _address(host: str, listener: socket.socket) -> str:
    """The URL clients on this machine use; a server on all interfaces is reached by the loopback address."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104  # no binding
    name = f"[{reachable}]" if ":" in reachable else reachable
    return f"http://{name}:{listener.getsockname()[1]}"
