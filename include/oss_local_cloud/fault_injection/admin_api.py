"""The admin HTTP API: rules, seed, clock, the log of faults, and the accepted conversions.

Requests and responses are JSON. Long lists are streamed, one JSON object a line, or as CSV with `format=csv`. An
invalid request is refused with a 4xx status and `{"error": "…"}` naming the field.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from oss_local_cloud.fault_injection import fault_store, rules
from oss_local_cloud.fault_injection.accepted_tasks import AcceptedTasks
from oss_local_cloud.fault_injection.cross_site import RefuseWebPages
from oss_local_cloud.fault_injection.fault_injector import ActiveRule, FaultInjector
from oss_local_cloud.fault_injection.message_faults import MessageFaults
from oss_local_cloud.fault_injection.records import AcceptedConversion, AcceptedTask, Fault
from oss_local_cloud.fault_injection.rules import AnyRule, Error, InvalidRule
from oss_local_cloud.fault_injection.service_adapters import DEFAULT_CODES, ServiceAdapter

log = logging.getLogger(__name__)

_LARGEST_BODY = 1 << 20
_PAGE = 500
_LARGEST_SEED = 2**63 - 1
_LARGEST_OFFSET = 10 * 366 * 86_400.0  # ten years, so that every time stays one that all formats can write
_WHOLE = TypeAdapter(Annotated[int, Field(ge=0, le=_LARGEST_SEED)])


class _Seed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    seed: Annotated[int, Field(ge=0, le=_LARGEST_SEED)]


class _Clock(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    offset_seconds: Annotated[float, Field(ge=-_LARGEST_OFFSET, le=_LARGEST_OFFSET, allow_inf_nan=False)]


Document = TypeVar("Document", bound=BaseModel)


class AdminApi:
    """The application is `app`."""

    def __init__(
        self,
        injector: FaultInjector,
        message_faults: MessageFaults,
        accepted: AcceptedTasks,
        adapters: Collection[ServiceAdapter],
    ) -> None:
        self._injector = injector
        self._message_faults = message_faults
        self._accepted = accepted
        self._operations = {adapter.service: frozenset(adapter.operations()) for adapter in adapters}
        self.app = Starlette(
            routes=[
                Route("/", self.state, methods=["GET"]),
                Route("/seed", self.set_seed, methods=["PUT"]),
                Route("/clock", self.set_clock, methods=["PUT"]),
                Route("/rules", self.list_rules, methods=["GET"]),
                Route("/rules", self.add_rule, methods=["POST"]),
                Route("/rules", self.replace_rules, methods=["PUT"]),
                Route("/rules", self.remove_rules, methods=["DELETE"]),
                Route("/rules/{rule}", self.get_rule, methods=["GET"]),
                Route("/rules/{rule}", self.remove_rule, methods=["DELETE"]),
                Route("/release", self.release, methods=["POST"]),
                Route("/reset", self.reset, methods=["POST"]),
                Route("/faults", self.faults, methods=["GET"]),
                Route("/tasks", self.tasks, methods=["GET"]),
                Route("/conversions", self.conversions, methods=["GET"]),
            ],
            middleware=[Middleware(RefuseWebPages)],
            exception_handlers={HTTPException: _refused, InvalidRule: _invalid, Exception: _broken},
        )

    # --- settings

    async def state(self, request: Request) -> Response:
        """The seed, the clock's offset, and how many rules, faults and held messages there are."""
        _parameters(request, {})
        return JSONResponse(asdict(await self._injector.state()))

    async def set_seed(self, request: Request) -> Response:
        """`{"seed": 7}`: restart the random sequence with this seed."""
        await self._injector.set_seed((await _document(request, _Seed)).seed)
        return await self.state(request)

    async def set_clock(self, request: Request) -> Response:
        """`{"offset_seconds": 3600}`: the cloud's clock goes ahead by an hour."""
        await self._injector.set_clock_offset((await _document(request, _Clock)).offset_seconds)
        return await self.state(request)

    async def reset(self, request: Request) -> Response:
        """Remove rules and log, reset the clock, restart the random sequence, and publish held messages."""
        await self._injector.forget()
        self._message_faults.release()
        return await self.state(request)

    async def release(self, request: Request) -> Response:
        """Publish held messages now."""
        self._message_faults.release()
        return await self.state(request)

    # --- rules

    async def list_rules(self, request: Request) -> Response:
        """All rules in their order."""
        _parameters(request, {})
        return JSONResponse({"rules": [_described(active) for active in self._injector.rules]})

    async def get_rule(self, request: Request) -> Response:
        """One rule, with how often it matched and fired."""
        for active in self._injector.rules:
            if active.id == request.path_params["rule"]:
                return JSONResponse(_described(active))
        raise _no_rule(request)

    async def add_rule(self, request: Request) -> Response:
        """Add a rule after the others."""
        rule = rules.parse(await _body(request))
        self._check(rule)
        return JSONResponse(_described(await self._injector.add_rule(rule)), 201)

    async def replace_rules(self, request: Request) -> Response:
        """Replace all rules by a JSON list."""
        wanted = rules.parse_list(await _body(request))
        for rule in wanted:
            self._check(rule)
        await self._injector.replace_rules(wanted)
        return await self.list_rules(request)

    async def remove_rule(self, request: Request) -> Response:
        """Remove a rule; its faults stay in the log."""
        if not await self._injector.remove_rule(request.path_params["rule"]):
            raise _no_rule(request)
        return Response(status_code=204)

    async def remove_rules(self, request: Request) -> Response:
        """Remove all rules."""
        await self._injector.replace_rules([])
        return Response(status_code=204)

    def _check(self, rule: AnyRule) -> None:
        """Check what the models can't know: the services' operations, and codes that have a default."""
        if isinstance(rule, rules.RequestRule):
            known = self._operations[rule.service]
            for operation in rule.operations:
                if operation not in known:
                    raise InvalidRule(
                        f"operations: {rule.service} has no operation {operation}; known are {', '.join(sorted(known))}"
                    )
        if isinstance(rule, Error) and rule.code is None and rule.status not in DEFAULT_CODES[rule.service]:
            raise InvalidRule(f"code: needed for status {rule.status}; only 403, 500 and 503 have one of their own")

    # --- lists

    async def faults(self, request: Request) -> Response:
        """The log: `after` a number, at most `limit`, of one `fault` or `rule`; JSON lines or CSV."""
        asked = _parameters(request, {"after": "0", "limit": "", "fault": "", "rule": "", "format": "json"})
        if asked["fault"] and asked["fault"] not in rules.FAULTS:
            raise HTTPException(400, f"fault: {asked['fault']!r} is none of {', '.join(rules.FAULTS)}")
        after, limit = _whole(asked, "after"), _whole(asked, "limit") if asked["limit"] else None
        return _stream(self._fault_chunks(after, limit, asked), Fault, asked["format"])

    async def _fault_chunks(
        self, after: int, limit: int | None, asked: Mapping[str, str]
    ) -> AsyncIterator[list[dict[str, Any]]]:
        fault, rule = asked["fault"] or None, asked["rule"] or None
        left = limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(left, _PAGE)
            page = await self._injector.database.run(
                lambda db, after=after, size=size: fault_store.page_of_faults(db, after, size, fault=fault, rule=rule)  # type: ignore[misc]
            )
            if not page:
                return
            yield [asdict(one) for one in page]
            after = page[-1].number
            left = None if left is None else left - len(page)

    async def tasks(self, request: Request) -> Response:
        """Every accepted conversion: `after` a number, at most `limit`; JSON lines or CSV."""
        asked = _parameters(request, {"after": "0", "limit": "", "format": "json"})
        limit = _whole(asked, "limit") if asked["limit"] else None
        found = self._accepted.tasks(_whole(asked, "after"), limit)
        return _stream(_chunks(found), AcceptedTask, asked["format"])

    async def conversions(self, request: Request) -> Response:
        """How often each conversion was accepted, those `at_least` so often; JSON lines or CSV."""
        asked = _parameters(request, {"at_least": "1", "format": "json"})
        return _stream(
            _chunks(self._accepted.conversions(_whole(asked, "at_least"))), AcceptedConversion, asked["format"]
        )


def _described(active: ActiveRule[AnyRule]) -> dict[str, object]:
    """A rule with all its fields, its id and its figures."""
    return {
        **active.rule.model_dump(mode="json"),
        "id": active.id,
        "seen": active.seen,
        "fired": active.fired,
        "left": active.left,
    }


# --- reading requests


async def _body(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "Content-Type: application/json is needed")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise HTTPException(413, f"the body is longer than {_LARGEST_BODY} bytes")
    return bytes(body)


async def _document(request: Request, model: type[Document]) -> Document:
    try:
        return model.model_validate_json(await _body(request))
    except ValidationError as error:
        raise InvalidRule(rules.explain(error)) from None


def _parameters(request: Request, known: Mapping[str, str]) -> dict[str, str]:
    """The query parameters with their defaults."""
    for name in request.query_params:
        if name not in known:
            raise HTTPException(400, f"{name}: unknown parameter; known are {', '.join(known) or 'none'}")
    asked = {**known, **request.query_params}
    if "format" in known and asked["format"] not in ("json", "csv"):
        raise HTTPException(400, f"format: {asked['format']!r} is neither json nor csv")
    return asked


def _whole(asked: Mapping[str, str], name: str) -> int:
    try:
        return _WHOLE.validate_python(asked[name])
    except ValidationError:
        raise HTTPException(400, f"{name}: {asked[name]!r} is no whole number from 0") from None


# --- writing answers


def _stream(
    chunks: AsyncIterator[list[dict[str, Any]]] | Iterator[list[dict[str, Any]]], record: type, form: str
) -> Response:
    names = [one.name for one in fields(record)]
    write: Callable[[list[dict[str, Any]]], str] = _json_lines if form == "json" else _csv_lines
    first = "" if form == "json" else ",".join(names) + "\r\n"

    async def written_async(source: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[str]:
        yield first
        async for chunk in source:
            yield write(chunk)

    def written(source: Iterator[list[dict[str, Any]]]) -> Iterator[str]:
        yield first
        yield from map(write, source)

    body = written_async(chunks) if isinstance(chunks, AsyncIterator) else written(chunks)
    return StreamingResponse(body, media_type="application/x-ndjson" if form == "json" else "text/csv; charset=utf-8")


def _chunks(records: Iterator[AcceptedTask | AcceptedConversion]) -> Iterator[list[dict[str, Any]]]:
    return iter(lambda: [asdict(one) for one in itertools.islice(records, _PAGE)], [])


def _json_lines(chunk: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in chunk)


def _csv_lines(chunk: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    for one in chunk:
        writer.writerow([" ".join(value) if isinstance(value, list) else value for value in one.values()])
    return text.getvalue()


def _no_rule(request: Request) -> HTTPException:
    return HTTPException(404, f"there is no rule {request.path_params['rule']}")


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    what = error.detail if isinstance(error, HTTPException) else str(error)
    return JSONResponse({"error": what}, status)


async def _invalid(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _broken(request: Request, error: Exception) -> Response:
    log.error("%r %r failed", request.method, request.url.path, exc_info=error)
    return JSONResponse({"error": "an error of the admin API; its log has the reason"}, 500)
