"""Preconditions: `If-Match`, `If-None-Match` and their time forms, on an object or on the source of a copy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from oss_local_cloud.interfaces import ObjectInfo
from oss_local_cloud.signatures.request import parse_time


class PreconditionResult(Enum):
    """The result of a request's preconditions; the value is the HTTP status."""

    PASSED = 200
    NOT_MODIFIED = 304
    FAILED = 412


def evaluate_preconditions(headers: Mapping[str, str], info: ObjectInfo, prefix: str = "") -> PreconditionResult:
    """Evaluate the four preconditions; for a copy `prefix` is `x-oss-copy-source-`.

    An unreadable time is ignored, as RFC 9110 asks.
    """
    match = headers.get(prefix + "if-match")
    if match is not None and not _matches(match, info.etag):
        return PreconditionResult.FAILED
    before = _time(headers.get(prefix + "if-unmodified-since"))
    if before is not None and info.last_modified > before:
        return PreconditionResult.FAILED
    none_match = headers.get(prefix + "if-none-match")
    if none_match is not None:
        return PreconditionResult.NOT_MODIFIED if _matches(none_match, info.etag) else PreconditionResult.PASSED
    since = _time(headers.get(prefix + "if-modified-since"))
    if since is not None and info.last_modified <= since:
        return PreconditionResult.NOT_MODIFIED
    return PreconditionResult.PASSED


def _matches(header: str, etag: str) -> bool:
    etags = [name.strip().removeprefix("W/").strip('"') for name in header.split(",")]
    return "*" in etags or etag in (name.upper() for name in etags)


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None
