"""The client of Airflow's REST API: a wait survives missing answers, any other call raises."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from tools.stack.airflow_api import AirflowApi
from tools.stack.errors import NoAnswer, StackError

ANSWERS = [b'{"access_token": "t"}', b'{"state": "running"}', None, None, *[b'{"state": "success"}'] * 2]
"""The answers to one request after the other; None closes the connection."""


class Server(BaseHTTPRequestHandler):
    left: ClassVar[list[bytes | None]]

    def do_GET(self) -> None:
        answer = self.left.pop(0)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[AirflowApi]:
    class Mine(Server):
        left: ClassVar = list(ANSWERS)

    with HTTPServer(("127.0.0.1", 0), Mine) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with AirflowApi(f"http://127.0.0.1:{server.server_port}", "admin", "secret") as client:
            yield client
        server.shutdown()
        thread.join()


def test_a_wait_survives_missing_answers(api: AirflowApi) -> None:
    assert api.wait_for_run("dag", "run", timeout_seconds=60, poll_seconds=0.01) == {"state": "success"}


def test_no_answer_until_the_deadline_raises(api: AirflowApi) -> None:
    api.run("dag", "run")
    with pytest.raises(NoAnswer, match="does not answer GET /api/v2/dags/dag/dagRuns/run"):
        api.wait_for_run("dag", "run", timeout_seconds=0, poll_seconds=0.01)


def test_an_ended_process_ends_the_wait(api: AirflowApi) -> None:
    def watch() -> None:
        raise StackError("the API server has ended")

    with pytest.raises(StackError, match="has ended"):
        api.wait_for_run("dag", "run", timeout_seconds=60, watch=watch)


def test_a_poll_without_an_answer_is_repeated(api: AirflowApi) -> None:
    polls: list[dict[str, object]] = []
    found = api.wait_for_run(
        "dag", "run", timeout_seconds=60, watch=lambda: polls.append(api.run("dag", "run")), poll_seconds=0.01
    )
    assert (polls, found) == ([{"state": "running"}, {"state": "success"}], {"state": "success"})
