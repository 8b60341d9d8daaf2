"""One local cloud in a process of its own, on ports that stay the same while it is killed and started again."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.stack.components import LOCAL_CLOUD_COMMAND

ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION = "testAK", "testSK", "local-1"
PROJECT_ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0
STOP_SECONDS = 30.0


class CloudFailed(RuntimeError):
    """The local cloud didn't start or didn't end; the message has the end of its log."""


class CloudProcess:
    """`with CloudProcess(data, …) as cloud:` serves at `cloud.oss`, `cloud.smq`, `cloud.imm` until the block ends.

    Args:
        data: directory of the cloud; its log is a file next to it.
        flags: further flags of the command, such as `("--workers", "1")`.
        bucket: a bucket to make, "" for none.
        topic: a topic to make, "" for none.
        queue: a queue to make, subscribed to the topic; "" for none.
        admin: serve the admin API too, at `cloud.admin`, which is "" otherwise.
        security_token: an STS token that requests may carry. The attribute may be set later, for the next start.
    """

    access_key_id, access_key_secret, region = ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION

    def __init__(
        self,
        data: Path,
        *flags: str,
        bucket: str = "",
        topic: str = "",
        queue: str = "",
        admin: bool = False,
        security_token: str | None = None,
    ) -> None:
        self.oss = self.smq = self.imm = self.admin = ""
        self.data = data
        self.bucket, self.topic, self.queue = bucket, topic, queue
        self.log_file = data.with_name(data.name + ".log")
        self._flags = flags
        self._with_admin = admin
        self.security_token = security_token
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def pid(self) -> int:
        """Process id of the running cloud."""
        return self._running().pid

    @property
    def log(self) -> str:
        """The standard error of all its starts."""
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    def start(self) -> None:
        """Start it, on the ports it had before, and wait until it serves.

        Raises:
            CloudFailed: it ended, or does not serve in time.
        """
        addresses = json.loads(self._first_line(self.launch()))
        self.oss, self.smq, self.imm = addresses["oss"], addresses["smq"], addresses["imm"]
        self.admin = addresses.get("admin", "")

    def launch(self) -> subprocess.Popen[bytes]:
        """Start its process without waiting until it serves."""
        if self._process is not None:
            raise RuntimeError("this local cloud is running")
        addresses = {"--oss-port": self.oss, "--smq-port": self.smq, "--imm-port": self.imm}
        if self._with_admin:
            addresses["--admin-port"] = self.admin
        made = {"--bucket": self.bucket, "--topic": self.topic, "--queue": self.queue}
        command = [*LOCAL_CLOUD_COMMAND, "--data", str(self.data)]
        command += [word for flag, address in addresses.items() for word in (flag, address.rpartition(":")[2] or "0")]
        command += [word for flag, name in made.items() if name for word in (flag, name)]
        command += self._flags
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOCAL_CLOUD_")}
        environment["LOCAL_CLOUD_ACCESS_KEY_ID"] = ACCESS_KEY_ID
        environment["LOCAL_CLOUD_ACCESS_KEY_SECRET"] = ACCESS_KEY_SECRET
        environment["LOCAL_CLOUD_REGION"] = REGION
        if self.security_token:
            environment["LOCAL_CLOUD_SECURITY_TOKEN"] = self.security_token
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=PROJECT_ROOT
            )
        return self._process

    def stop(self) -> None:
        """End it by SIGTERM.

        Raises:
            CloudFailed: it did not end in time, or not with status 0.
        """
        process = self._running()
        process.terminate()
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise CloudFailed(
                f"the local cloud did not end {STOP_SECONDS:.0f} s after SIGTERM\n{self._end_of_log()}"
            ) from None
        self._forget()
        if status != 0:
            raise CloudFailed(f"the local cloud ended with status {status}\n{self._end_of_log()}")

    def kill(self) -> None:
        """End it by SIGKILL."""
        process = self._running()
        process.kill()
        process.wait()
        self._forget()

    def restart(self) -> None:
        """Start it again on the same addresses and data, after `kill` or while it runs."""
        self._end()
        self.start()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("this local cloud is not running")
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self.stop()

    def _forget(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdout is not None:
            process.stdout.close()

    def _first_line(self, process: subprocess.Popen[bytes]) -> bytes:
        """Read the line of addresses; the process is killed when there is none."""
        line, deadline = b"", time.monotonic() + START_SECONDS
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                piece = os.read(process.stdout.fileno(), 4096) if ready else b""
                if not piece:
                    self.kill()
                    what = "ended while it started" if ready else f"does not serve after {START_SECONDS:.0f} s"
                    raise CloudFailed(f"the local cloud {what}\n{self._end_of_log()}")
                line += piece
        return line

    def _end_of_log(self) -> str:
        return "\n".join(self.log.splitlines()[-30:])
