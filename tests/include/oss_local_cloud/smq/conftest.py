"""A message service on a real socket, with a clock the test can turn."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from mns.account import Account

from oss_local_cloud.signatures.credentials import Credentials
from oss_local_cloud.smq.service import SmqService


@dataclass
class Clock:
    """Seconds since the epoch: the machine's, plus what the test adds."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class RunningSmq:
    """A service that serves at `endpoint` until `stop`; `restart` serves the same data again."""

    data_dir: Path
    clock: Clock = field(default_factory=Clock)
    endpoint: str = ""
    service: SmqService | None = None
    _stop: Callable[[], None] = lambda: None
    _accounts: list[Account] = field(default_factory=list)

    def start(self) -> None:
        # asyncio switches Nagle's algorithm off for sockets that say they are TCP only.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen(2048)
        self.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        credentials = Credentials("testAK", "testSK", security_token="tok")
        ready = threading.Event()
        servers: list[uvicorn.Server] = []

        async def serve() -> None:
            self.service = SmqService(self.data_dir, "cn-hangzhou", credentials, clock=self.clock)
            await self.service.start()
            config = uvicorn.Config(self.service.app, log_level="warning", lifespan="off", http="h11", ws="none")
            server = uvicorn.Server(config)
            servers.append(server)
            ready.set()
            await server.serve([listener])
            await self.service.stop()

        thread = threading.Thread(target=lambda: asyncio.run(serve()), name="smq under test")
        thread.start()
        ready.wait(10)

        def stop() -> None:
            servers[0].should_exit = True
            thread.join(20)

        self._stop = stop

    def stop(self) -> None:
        for account in self._accounts:
            account.mns_client.close_connection()
        self._stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    def account(self, key_id: str = "testAK", secret: str = "testSK", token: str = "") -> Account:
        account = Account(self.endpoint, key_id, secret, token)
        self._accounts.append(account)
        return account


@pytest.fixture(scope="module")
def shared_smq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSmq]:
    """One service for the tests of a file that only see themselves refused."""
    running = RunningSmq(tmp_path_factory.mktemp("smq"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def smq(tmp_path: Path) -> Iterator[RunningSmq]:
    running = RunningSmq(tmp_path)
    running.start()
    yield running
    running.stop()
