"""Fixtures that several parts of the suite share."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

START_SECONDS = 30
#: Files that take a minute or more begin first: the last of several workers to end decides how long all take.
LONGEST = ("airflow", "tools/demo")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole stacks first, the rest in its order."""
    folder = Path(__file__).parent
    items.sort(key=lambda item: not item.path.relative_to(folder).as_posix().startswith(LONGEST))


class LocalCloudProcess:
    """A local cloud in a process of its own.

    `oss`, `smq` and `imm` are its addresses, and `admin`, which is "" unless it was asked for; they stay the
    same over `restart`. Everything it wrote to its standard error is in `log`.
    """

    access_key_id = "testAK"
    access_key_secret = "testSK"
    region = "local-1"

    def __init__(
        self,
        data: Path,
        *,
        bucket: str = "audio",
        topic: str = "audio-done",
        queue: str = "audio-done-queue",
        security_token: str | None = None,
        flags: tuple[str, ...] = (),
        admin: bool = False,
    ) -> None:
        self.data = data
        self.bucket = bucket
        self.topic = topic
        self.queue = queue
        self.security_token = security_token
        self.oss = self.smq = self.imm = self.admin = ""
        self._with_admin = admin
        self._flags = flags
        self._log = data.with_name(data.name + ".log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running cloud."""
        assert self._process is not None, "this local cloud is not running"
        return self._process.pid

    @property
    def log(self) -> str:
        """What the cloud wrote to standard error, over all its starts."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def start(self) -> None:
        """Start the cloud and wait until it serves."""
        assert self._process is None, "this local cloud is running"
        ports = [address.rpartition(":")[2] or "0" for address in (self.oss, self.smq, self.imm, self.admin)]
        command = [sys.executable, "-m", "include.local_cloud", "serve", "--data", str(self.data)]
        command += ["--oss-port", ports[0], "--smq-port", ports[1], "--imm-port", ports[2]]
        command += ["--access-key-id", self.access_key_id, "--region", self.region]
        command += ["--bucket", self.bucket, "--topic", self.topic, "--queue", self.queue, *self._flags]
        if self._with_admin:
            command += ["--admin-port", ports[3]]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOCAL_CLOUD_")}
        environment["LOCAL_CLOUD_ACCESS_KEY_SECRET"] = self.access_key_secret
        if self.security_token:
            environment["LOCAL_CLOUD_SECURITY_TOKEN"] = self.security_token
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        addresses = json.loads(self._first_line())
        self.oss, self.smq, self.imm = addresses["oss"], addresses["smq"], addresses["imm"]
        self.admin = addresses.get("admin", "")

    def stop(self) -> None:
        """End it as an operator would, by SIGTERM, and see that it ended cleanly."""
        process = self._take()
        process.terminate()
        assert process.wait(timeout=START_SECONDS) == 0, self.log
        assert "Traceback" not in self.log, self.log

    def kill(self) -> None:
        """End it by SIGKILL."""
        process = self._take()
        process.kill()
        process.wait(timeout=START_SECONDS)

    def restart(self) -> None:
        """Start it again on the same addresses and data, after `stop` or `kill` or while it runs."""
        if self._process is not None:
            self.stop()
        self.start()

    def end(self) -> None:
        """Leave nothing running."""
        if self._process is not None:
            self.stop()

    def _take(self) -> subprocess.Popen[bytes]:
        process, self._process = self._process, None
        assert process is not None, "this local cloud is not running"
        assert process.stdout is not None
        process.stdout.close()
        return process

    def _first_line(self) -> bytes:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        line, deadline = b"", time.monotonic() + START_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self.kill()
                    pytest.fail(f"the local cloud does not serve after {START_SECONDS} s: {self.log}")
                chunk = os.read(process.stdout.fileno(), 4096)
                if not chunk:
                    self.kill()
                    pytest.fail(f"the local cloud ended at its start: {self.log}")
                line += chunk
        return line


@pytest.fixture(scope="session")
def local_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloudProcess]:
    """One local cloud for the whole session. Tests that restart or kill take `start_local_cloud` instead."""
    cloud = LocalCloudProcess(tmp_path_factory.mktemp("local-cloud") / "data")
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.end()


@pytest.fixture(scope="session")
def faulty_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloudProcess]:
    """One local cloud with its admin API on; whoever uses it resets it first. It makes one conversion at a time."""
    cloud = LocalCloudProcess(tmp_path_factory.mktemp("faulty-cloud") / "data", flags=("--workers", "1"), admin=True)
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.end()


@pytest.fixture
def start_local_cloud(tmp_path: Path) -> Iterator[Callable[..., LocalCloudProcess]]:
    """Start private local clouds: `start_local_cloud(bucket="b", flags=("--workers", "1"))` and so on."""
    with contextlib.ExitStack() as stack:
        started: list[LocalCloudProcess] = []

        def start(**settings: object) -> LocalCloudProcess:
            cloud = LocalCloudProcess(tmp_path / f"cloud-{len(started)}", **settings)  # type: ignore[arg-type]
            started.append(cloud)
            cloud.start()
            stack.callback(cloud.end)
            return cloud

        yield start
