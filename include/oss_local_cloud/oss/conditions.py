"""Conditional requests: `If-Match` and its kin on an object, and the same on the source of a copy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from oss_local_cloud.interfaces import ObjectInfo
from oss_local_cloud.signatures.request import parse_time


class Outcome(Enum):
    """What a conditional request comes to."""

    GO_ON = 200
    NOT_MODIFIED = 304
    PRECONDITION_FAILED = 412


def evaluate(headers: Mapping[str, str], info: ObjectInfo, prefix: str = "") -> Outcome:
    """Evaluate the four conditions; for a copy `prefix` is `x-oss-copy-source-`.

    An unreadable time is ignored, as RFC 9110 asks.
    """
    match = headers.get(prefix + "if-match")
    if match is not None and not _matches(match, info.etag):
        return Outcome.PRECONDITION_FAILED
    before = _time(headers.get(prefix + "if-unmodified-since"))
    if before is not None and info.last_modified > before:
        return Outcome.PRECONDITION_FAILED
    none_match = headers.get(prefix + "if-none-match")
    if none_match is not None:
        return Outcome.NOT_MODIFIED if _matches(none_match, info.etag) else Outcome.GO_ON
    since = _time(headers.get(prefix + "if-modified-since"))
    if since is not None and info.last_modified <= since:
        return Outcome.NOT_MODIFIED
    return Outcome.GO_ON


def _matches(header: str, etag: str) -> bool:
    names = [name.strip().removeprefix("W/").strip('"') for name in header.split(",")]
    return "*" in names or etag in (name.upper() for name in names)


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None
