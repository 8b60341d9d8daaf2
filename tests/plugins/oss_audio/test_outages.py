"""OSS, IMM and SMQ go away in the middle of each task and come back: the run ends well, nothing is submitted twice."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from oss_audio.operators.report import OSSAudioReportOperator
from oss_audio.translate_errors import translate_errors
from oss_audio_core.catalogue import CatalogueUnavailable, State
from oss_audio_core.pipeline.submitting import shard_submitter
from oss_audio_core.pipeline.waiting import drainer

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment

TASKS = ("list", "plan", "convert", "await", "verify", "publish", "export", "report")
UNDISTURBED = {"await", "report"}
"""Tasks that wait an outage out by themselves, or ask nobody."""


class Line:
    """The way to a service, which may be cut: connections are refused then. One request goes over each."""

    def __init__(self, upstream: str) -> None:
        address = urlsplit(upstream)
        self._upstream = (address.hostname, address.port)
        self._port = 0
        self._left: int | None = None
        self._threads: list[threading.Thread] = []
        self.mend()
        self.address = f"http://127.0.0.1:{self._port}"

    def mend(self) -> None:
        self._left = None
        self._server = socket.create_server(("127.0.0.1", self._port))
        self._port = self._server.getsockname()[1]
        self._server.settimeout(0.05)
        self._serving = self._begin(self._serve, self._server)

    def cut(self, after: int) -> None:
        """Refuse every connection after so many more."""
        self._left = after
        if not after:
            self.close()

    def close(self) -> None:
        self._server.close()
        # The kernel gives the port back when nobody waits at it any more.
        self._serving.join()

    def end(self) -> None:
        self.close()
        for thread in self._threads:
            thread.join()

    def _begin(self, work: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()
        return thread

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            client.settimeout(10)
            if self._left is not None:
                self._left -= 1
                if self._left <= 0:
                    server.close()
            self._begin(self._forward, client)

    def _forward(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as reader, contextlib.suppress(OSError):
            head, length = b"", 0
            while not head.endswith(b"\r\n\r\n"):
                line = reader.readline()
                if not line:
                    return
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
                if not line.lower().startswith(b"connection:"):
                    head += line
            body = reader.read(length)
            with socket.create_connection(self._upstream) as upstream:
                upstream.sendall(head[:-2] + b"Connection: close\r\n\r\n" + body)
                while chunk := upstream.recv(65536):
                    client.sendall(chunk)


class Lines:
    """The ways to all three services."""

    def __init__(self, deployment: Deployment) -> None:
        cloud = deployment.cloud
        self.all = {name: Line(getattr(cloud, name)) for name in ("oss", "imm", "smq")}
        hurry = {"connect_timeout": 0.5, "read_timeout": 2}
        deployment.connect(
            oss={"endpoint": self.all["oss"].address, "imm_endpoint": self.all["imm"].address, **hurry},
            smq={"host": self.all["smq"].address},
        )

    def cut(self, after: int) -> None:
        for line in self.all.values():
            line.cut(after)

    def mend(self) -> None:
        for line in self.all.values():
            line.close()
            line.mend()


@pytest.fixture
def lines(deployment: Deployment, impatient: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    monkeypatch.setattr(drainer, "PAUSE", 0.1)
    monkeypatch.setattr(shard_submitter, "LEASE_MARGIN", 0.2)
    lines = Lines(deployment)
    yield lines
    for line in lines.all.values():
        line.end()


def tried(work: Callable[[], Any]) -> bool:
    """Whether a task succeeded; one that fails must keep its retries."""
    failure: AirflowException | None = None
    try:
        work()
    except AirflowException as error:
        failure = error
    if failure is not None:
        assert not isinstance(failure, AirflowFailException)
        assert "if this never worked" in str(failure)
        assert "127.0.0.1" in str(failure)
    return failure is None


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("task", TASKS)
def test_an_outage_in_the_middle_of_a_task(
    lines: Lines, begin: Callable[[str], Any], accepted: Callable[[], int], task: str, after: int
) -> None:
    before = TASKS[: TASKS.index(task)]
    run = begin("one").tasks(*before)
    lines.cut(after)
    # Whoever waits has no reason to give up: the services come back meanwhile.
    back = threading.Timer(1.0, lines.mend) if task == "await" else None
    if back is not None:
        back.start()
    succeeded = tried(lambda: run.tasks(task))
    if back is None:
        lines.mend()
    else:
        back.join()
    assert succeeded or task not in UNDISTURBED
    # As Airflow would, after a while.
    if not succeeded:
        run.tasks(task)
    run.tasks(*TASKS[TASKS.index(task) + 1 :])
    assert run.states() == [(State.PUBLISHED, 1)] * 2
    assert accepted() == 2


def test_a_sensor_begins_to_wait_without_smq(
    lines: Lines, begin: Callable[[str], Any], accepted: Callable[[], int]
) -> None:
    run = begin("one").through("convert")
    lines.all["smq"].cut(0)
    run.onwards("await")
    assert run.states() == [(State.PUBLISHED, 1)] * 2
    assert accepted() == 2


def test_the_report_of_a_run_needs_neither_oss_nor_smq(lines: Lines, begin: Callable[[str], Any]) -> None:
    run = begin("one").through("export")
    lines.cut(0)
    assert OSSAudioReportOperator(task_id="report", batch=run.listed).execute(run.context)["published"] == 2


def test_a_catalogue_that_fails_under_a_task_is_a_sentence_and_leaves_the_task_its_retries() -> None:
    with pytest.raises(AirflowException, match="the database is gone") as caught, translate_errors("Planning"):
        raise CatalogueUnavailable("the database is gone")
    assert not isinstance(caught.value, AirflowFailException)
