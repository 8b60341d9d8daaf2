"""ASGI middleware around each service: latency, errors, resets, silence, and the cloud's clock."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from dataclasses import dataclass, field
from email.utils import formatdate
from random import Random

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oss_local_cloud.fault_injection.connections import Connections
from oss_local_cloud.fault_injection.durations import sample
from oss_local_cloud.fault_injection.fault_injector import ActiveRule, FaultInjector, FaultSubject, matches_key
from oss_local_cloud.fault_injection.rules import Error, Latency, RequestRule, Reset, When
from oss_local_cloud.fault_injection.service_adapters import RequestIdentity, ServiceAdapter

_KEPT_BODY = 64 << 10  # of a discarded response, for the task id in it


@dataclass
class _Chosen:
    """The faults of one request.

    Attributes:
        latency: seconds before and after the work.
        late: the rule that delays the response, if any.
        fault: the fault that ends the request, if any.
    """

    latency: dict[When, float] = field(default_factory=lambda: {"before": 0.0, "after": 0.0})
    late: ActiveRule[RequestRule] | None = None
    fault: ActiveRule[RequestRule] | None = None

    def ends(self, when: When) -> bool:
        return self.fault is not None and self.fault.rule.when == when


class _Answer:
    """A response that is kept instead of sent."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.lower(): value for name, value in message.get("headers", [])}
        else:
            self.body += message.get("body", b"")[: _KEPT_BODY - len(self.body)]

    def task_id(self) -> str:
        """The TaskId of the conversion that was accepted, "" for any other answer."""
        with contextlib.suppress(ValueError, AttributeError):
            return str(json.loads(self.body).get("TaskId", ""))
        return ""


class RequestFaults:
    """An ASGI application around `app` that applies the rules for the requests of one service.

    It also writes the Date header of every answer, by the cloud's clock.
    """

    def __init__(
        self, app: ASGIApp, adapter: ServiceAdapter, injector: FaultInjector, connections: Connections
    ) -> None:
        self._app = app
        self._adapter = adapter
        self._injector = injector
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI request."""
        dated = _Dated(send, self._injector)
        if not self._injector.requests:
            await self._app(scope, receive, dated)
            return
        identity = self._adapter.identify(scope)
        chosen = await self._choose(identity)
        await self._injector.pause(chosen.latency["before"])
        if chosen.ends("before"):
            await _drain(receive)
            subject = FaultSubject(
                identity.bucket, identity.key, self._adapter.service, identity.operation, self._adapter.new_request_id()
            )
            await self._end(chosen, subject, "", scope, receive, dated)
        elif chosen.ends("after"):
            answer = _Answer()
            await self._app(scope, receive, answer.take)
            await self._injector.pause(chosen.latency["after"])
            detail = f"the answer was {answer.status}"
            await self._end(chosen, self._subject(identity, answer), detail, scope, receive, dated)
        elif chosen.latency["after"]:
            await self._answer_late(chosen, identity, scope, receive, dated)
        else:
            await self._app(scope, receive, dated)

    async def _choose(self, identity: RequestIdentity) -> _Chosen:
        """Draw for every rule for this request, in their order, up to the first that ends it."""
        chosen = _Chosen()
        occasion = f"{self._adapter.service} {identity.operation} {identity.bucket}/{identity.key}"
        for active in self._injector.requests:
            rule = active.rule
            if not self._concerns(rule, identity):
                continue
            random: Random | None = self._injector.fires(active, occasion)
            if random is None:
                continue
            if isinstance(rule, Latency):
                chosen.latency[rule.when] += sample(rule.seconds, random)
                if rule.when == "after":
                    chosen.late = active
                await self._injector.record(active, FaultSubject(service=self._adapter.service))
            else:
                chosen.fault = active
                break
        return chosen

    def _concerns(self, rule: RequestRule, identity: RequestIdentity) -> bool:
        return (
            rule.service == self._adapter.service
            and (not rule.operations or identity.operation in rule.operations)
            and matches_key(rule, identity.bucket, identity.key)
        )

    async def _answer_late(
        self, chosen: _Chosen, identity: RequestIdentity, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Do the work, wait, respond. A client that disconnects meanwhile has lost a response, so that is logged."""
        answer = _Answer()
        held: Message | None = None

        async def send_late(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                held = message
                await answer.take(message)
                return
            if held is not None:
                await answer.take(message)
                start, held = held, None
                if await self._hangs_up(receive, chosen.latency["after"]) and chosen.late is not None:
                    subject = self._subject(identity, answer)
                    detail = f"the client hung up; the answer was {answer.status}"
                    await self._injector.record(chosen.late, subject, when="after", detail=detail, always=True)
                await send(start)
            await send(message)

        await self._app(scope, receive, send_late)

    async def _hangs_up(self, receive: Receive, seconds: float) -> bool:
        """Let time pass; whether the client closed the connection meanwhile."""
        gone, pause = (
            asyncio.ensure_future(_disconnected(receive)),
            asyncio.ensure_future(self._injector.pause(seconds)),
        )
        try:
            await asyncio.wait({gone, pause}, return_when=asyncio.FIRST_COMPLETED)
            return gone.done()
        finally:
            gone.cancel()
            pause.cancel()

    def _subject(self, identity: RequestIdentity, answer: _Answer) -> FaultSubject:
        request_id = answer.headers.get(self._adapter.request_id_header, b"").decode("latin-1")
        return FaultSubject(
            identity.bucket, identity.key, self._adapter.service, identity.operation, request_id, answer.task_id()
        )

    async def _end(
        self, chosen: _Chosen, subject: FaultSubject, detail: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Log the fault that ends a request, then apply it."""
        active = chosen.fault
        if active is None:
            return
        rule = active.rule
        await self._injector.record(active, subject, when=rule.when, detail=detail)
        if isinstance(rule, Error):
            await self._adapter.send_error(rule, subject.request_id, scope, send)
            return
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            if not isinstance(rule, Reset):
                closing = asyncio.ensure_future(self._injector.draining.wait())
                await asyncio.wait({gone, closing}, return_when=asyncio.FIRST_COMPLETED)
                closing.cancel()
            self._connections.reset(scope)
            await gone
        finally:
            gone.cancel()


class _Dated:
    """Sends with the Date header of the cloud's clock, which replaces any other."""

    def __init__(self, send: Send, injector: FaultInjector) -> None:
        self._send = send
        self._injector = injector

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [line for line in message.get("headers", []) if line[0].lower() != b"date"]
            headers.append((b"date", _date(int(self._injector.clock()))))
            message = {**message, "headers": headers}
        await self._send(message)


@functools.lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode("ascii")


async def _drain(receive: Receive) -> None:
    """Read the request to its end, as a server that works on it does."""
    while (message := await receive())["type"] == "http.request":
        if not message.get("more_body", False):
            return


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
