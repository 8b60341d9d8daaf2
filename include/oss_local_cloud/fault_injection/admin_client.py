"""A client of the admin API for tests and for the chaos harness; synchronous, from the standard library.

with AdminClient(cloud.admin) as admin:
    admin.add(Reset(service="oss", operations=("AsyncProcessObject",), when="after", rate=0.1))
    …
    excess = list(admin.conversions(at_least=2))
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

from oss_local_cloud.fault_injection import rules
from oss_local_cloud.fault_injection.records import AcceptedConversion, AcceptedTask, Fault, State
from oss_local_cloud.fault_injection.rules import AnyRule


class AdminError(Exception):
    """The admin API refused a request; `status` is the HTTP status, the message says what is wrong with it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class RuleStatus:
    """A rule and its figures: occasions that matched since the start, times it fired, and how many are left."""

    id: str
    rule: AnyRule
    seen: int
    fired: int
    left: int | None


class AdminClient:
    """Speaks to the admin API at `address`, such as `http://127.0.0.1:9003`, one connection a request.

    Raises:
        AdminError: The API refused a request (every method).
        OSError: The API can't be reached within `timeout` seconds (every method).
        ValueError: The address is not an HTTP address.
    """

    def __init__(self, address: str, *, timeout: float = 30.0) -> None:
        parts = urlsplit(address)
        if parts.scheme != "http" or parts.hostname is None:
            raise ValueError(f"the admin address is {address!r}; one like http://127.0.0.1:9003 is needed")
        self._host, self._port, self._timeout = parts.hostname, parts.port or 80, timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing stays open between two requests."""

    # --- settings

    def state(self) -> State:
        """The seed, the clock's offset, and how many rules, faults and held messages there are."""
        return State(**self._json("GET", "/"))

    def set_seed(self, seed: int) -> None:
        """Restart the random sequence with this seed."""
        self._json("PUT", "/seed", json.dumps({"seed": seed}))

    def set_clock_offset(self, seconds: float) -> None:
        """Put the cloud's clock ahead of the machine's, or behind."""
        self._json("PUT", "/clock", json.dumps({"offset_seconds": seconds}))

    def reset(self) -> None:
        """Remove rules and log, reset the clock, restart the random sequence, and publish held messages."""
        self._json("POST", "/reset")

    def release(self) -> None:
        """Publish held messages now."""
        self._json("POST", "/release")

    # --- rules

    def add(self, rule: AnyRule) -> str:
        """Add a rule after the others; returns its id."""
        return str(self._json("POST", "/rules", rules.dump(rule))["id"])

    def replace(self, wanted: Sequence[AnyRule]) -> None:
        """Replace all rules."""
        self._json("PUT", "/rules", rules.dump_list(wanted))

    def rules(self) -> list[RuleStatus]:
        """All rules in their order, with their figures."""
        return [_rule_status(fields) for fields in self._json("GET", "/rules")["rules"]]

    def rule(self, rule_id: str) -> RuleStatus:
        """One rule with its figures."""
        return _rule_status(self._json("GET", f"/rules/{quote(rule_id, safe='')}"))

    def remove(self, rule_id: str) -> None:
        """Remove a rule; its faults stay in the log."""
        self._json("DELETE", f"/rules/{quote(rule_id, safe='')}")

    def clear(self) -> None:
        """Remove all rules."""
        self._json("DELETE", "/rules")

    # --- lists

    def faults(
        self, *, after: int = 0, limit: int | None = None, fault: str | None = None, rule: str | None = None
    ) -> Iterator[Fault]:
        """The log of faults, in order, as a stream."""
        asked = {"after": after, "limit": limit, "fault": fault, "rule": rule}
        return (Fault(**one) for one in self._lines("/faults", asked))

    def tasks(self, *, after: int = 0, limit: int | None = None) -> Iterator[AcceptedTask]:
        """Every conversion the service accepted, in order, as a stream."""
        return (AcceptedTask(**one) for one in self._lines("/tasks", {"after": after, "limit": limit}))

    def conversions(self, *, at_least: int = 1) -> Iterator[AcceptedConversion]:
        """How often each conversion was accepted, those accepted `at_least` so often, as a stream."""
        return (AcceptedConversion(**one) for one in self._lines("/conversions", {"at_least": at_least}))

    # --- inside

    def _json(self, method: str, path: str, body: str | None = None) -> Any:
        connection = self._connect()
        try:
            answer = self._ask(connection, method, path, body)
            content = answer.read()
        finally:
            connection.close()
        return json.loads(content) if content else None

    def _lines(self, path: str, asked: Mapping[str, object]) -> Iterator[dict[str, Any]]:
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        connection = self._connect()
        try:
            for line in self._ask(connection, "GET", f"{path}?{query}", None):
                yield json.loads(line)
        finally:
            connection.close()

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: str | None
    ) -> http.client.HTTPResponse:
        headers = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, None if body is None else body.encode(), headers)
        answer = connection.getresponse()
        if answer.status >= 400:
            raise AdminError(answer.status, _reason(answer.read()))
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)


def _rule_status(fields: dict[str, Any]) -> RuleStatus:
    seen, fired, left = (fields.pop(name) for name in ("seen", "fired", "left"))
    return RuleStatus(fields["id"], rules.parse(json.dumps(fields)), seen, fired, left)


def _reason(content: bytes) -> str:
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return content.decode("utf-8", "replace")
