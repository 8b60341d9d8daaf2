"""A small client of Airflow's REST API: the calls of the demo, the tests and the benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from tools.stack.errors import NoAnswer, StackError

FINISHED = frozenset({"success", "failed"})
"""Final states of a DAG run."""


class AirflowApi:
    """Airflow's REST API, version 2, as one user. Close it, or use it as a context manager.

    Args:
        address: the API server, e.g. `http://127.0.0.1:8080`.
        username: a user of the simple auth manager.
        password: the user's password.
    """

    def __init__(self, address: str, username: str, password: str) -> None:
        self.address = address
        self._login = {"username": username, "password": password}
        self._http = httpx.Client(base_url=address, timeout=30.0, trust_env=False)

    def __enter__(self) -> AirflowApi:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def health(self) -> dict[str, Any]:
        """The health of each component, `{}` while the API server doesn't answer."""
        try:
            response = self._http.get("/api/v2/monitor/health", timeout=5.0)
            return dict(response.json()) if response.status_code == httpx.codes.OK else {}
        except (httpx.TransportError, ValueError):
            return {}

    def execution_api_is_ready(self) -> bool:
        """True when the API that tasks use answers.

        The API server builds it at the first request, which takes seconds of CPU. An early request makes that happen
        while the other components start, and not while the first task waits.
        """
        try:
            return self._http.get("/execution/health").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def dag_is_known(self, dag_id: str) -> bool:
        """True once the DAG processor has read the DAG."""
        return self._send("GET", f"/dags/{dag_id}").status_code == httpx.codes.OK

    def import_errors(self) -> list[str]:
        """List what the DAG processor could not import: file and error."""
        found = self._json("GET", "/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in found]

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, run_id: str | None = None) -> str:
        """Start a run of a DAG and return its run id."""
        body: dict[str, Any] = {"logical_date": None, "conf": dict(conf or {})}
        if run_id is not None:
            body["dag_run_id"] = run_id
        return str(self._json("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return one DAG run: `state`, `start_date`, `end_date` and more."""
        return self._json("GET", f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """List the first hundred runs of a DAG."""
        return list(self._json("GET", f"/dags/{dag_id}/dagRuns?limit=100")["dag_runs"])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """List all task instances of a run: `task_id`, `map_index`, `state`, `try_number` and more."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        found: list[dict[str, Any]] = []
        while True:
            page = self._json("GET", f"{path}?limit=100&offset={len(found)}")
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return found

    def count_task_instances(self, dag_id: str, run_id: str, task_id: str, state: str) -> int:
        """Count the (mapped) instances of one task that are in a state."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        return int(self._json("GET", f"{path}?limit=1&task_id={task_id}&state={state}")["total_entries"])

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return one XCom value of a task instance."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task_id}/xcomEntries/{key}"
        return self._json("GET", f"{path}?map_index={map_index}&deserialize=true")["value"]

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1) -> str:
        """Return the log of one attempt of a task instance, a line per event."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task_id}/logs/{try_number}"
        content = self._json("GET", f"{path}?map_index={map_index}&full_content=true")["content"]
        return "\n".join(_log_line(line) for line in content)

    def explain_failure(self, dag_id: str, run_id: str, lines: int = 20) -> str:
        """Describe the failed task instances of a run, with the end of their logs."""
        parts = []
        for found in self.task_instances(dag_id, run_id):
            if found["state"] == "failed":
                task_id, tries, index = found["task_id"], found["try_number"], found["map_index"]
                log = self.task_log(dag_id, run_id, task_id, tries, index).splitlines()[-lines:]
                parts.append("\n".join([f"task {task_id!r} failed in try {tries}; the end of its log:", *log]))
        return "\n".join(parts) or "none of its tasks failed"

    def clear(self, dag_id: str, run_id: str, *, only_failed: bool = False) -> None:
        """Clear the task instances of a run, so that the scheduler runs them again."""
        body = {"dry_run": False, "only_failed": only_failed}
        self._json("POST", f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/clear", body)

    def clear_tasks(self, dag_id: str, run_id: str, task_ids: Sequence[str]) -> None:
        """Clear some tasks of a run, all their mapped instances, and the tasks downstream of them."""
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": list(task_ids),
            "only_failed": False,
            "include_downstream": True,
            "reset_dag_runs": True,
        }
        self._json("POST", f"/dags/{dag_id}/clearTaskInstances", body)

    def wait_for_dag(self, dag_id: str, timeout_seconds: float = 60.0) -> None:
        """Wait until the DAG is known.

        Raises:
            StackError: it was not found in time; the message has the import errors.
        """
        deadline = time.monotonic() + timeout_seconds
        while not self.dag_is_known(dag_id):
            if time.monotonic() > deadline:
                errors = "\n".join(self.import_errors()) or "no import errors were reported"
                raise StackError(f"DAG {dag_id!r} was not found within {timeout_seconds:.0f} s; {errors}")
            time.sleep(0.2)

    def wait_for_run(
        self,
        dag_id: str,
        run_id: str,
        timeout_seconds: float = 300.0,
        watch: Callable[[], None] = lambda: None,
        poll_seconds: float = 0.5,
    ) -> dict[str, Any]:
        """Wait until a run is finished and return it; `watch` is called at every poll.

        Raises:
            StackError: it did not finish in time; the message lists its tasks and their states.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                watch()
                found = self.run(dag_id, run_id)
            except NoAnswer:
                # One missing answer does not end the wait for a run of hours.
                if time.monotonic() > deadline:
                    raise
                time.sleep(poll_seconds)
                continue
            if found["state"] in FINISHED:
                return found
            if time.monotonic() > deadline:
                states = ", ".join(f"{ti['task_id']}={ti['state']}" for ti in self.task_instances(dag_id, run_id))
                late = f"is {found['state']} after {timeout_seconds:.0f} s"
                raise StackError(f"run {run_id!r} of {dag_id!r} {late}: {states}")
            time.sleep(poll_seconds)

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        response = self._send(method, path, body)
        if response.is_error:
            raise StackError(f"Airflow answered {response.status_code} to {method} {path}: {response.text[:500]}")
        return dict(response.json())

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        if "Authorization" not in self._http.headers:
            self._authenticate()
        response = self._request(method, f"/api/v2{path}", body)
        if response.status_code == httpx.codes.UNAUTHORIZED:  # a token lasts a day
            self._authenticate()
            response = self._request(method, f"/api/v2{path}", body)
        return response

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body)
        except httpx.TransportError as error:
            raise NoAnswer(f"Airflow at {self.address} does not answer {method} {path}: {error!r}") from error

    def _authenticate(self) -> None:
        self._http.headers.pop("Authorization", None)
        response = self._request("POST", "/auth/token", self._login)
        if response.is_error:
            raise StackError(f"Airflow refused the login of {self._login['username']!r}: {response.status_code}")
        self._http.headers["Authorization"] = f"Bearer {response.json()['access_token']}"


def _log_line(record: str | dict[str, Any]) -> str:
    """Format a record of a task's log: the event, and the errors that it carries."""
    if isinstance(record, str):
        return record
    errors = record.get("error_detail") or ()
    return "\n".join([str(record.get("event", "")), *(f"{e['exc_type']}: {e['exc_value']}" for e in errors)])
