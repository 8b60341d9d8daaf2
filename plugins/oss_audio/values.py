"""Reading what templates render: every Param arrives as text, or as the list or number it was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypedDict

from airflow.sdk.exceptions import AirflowFailException


class BatchHandle(NamedTuple):
    """A batch of the catalogue. The uid distinguishes it from a batch of the same id in another catalogue."""

    id: int
    uid: str | None


class ShardHandle(TypedDict):
    """What one task hands to the next: a batch of the catalogue and one shard of it, never a list of files.

    The uid distinguishes the batch from one of the same id in a catalogue that took the place of this one.
    """

    batch: int
    uid: str
    shard: int


def as_names(name: str, value: Any) -> tuple[str, ...]:
    """A list of texts, or one text with commas between them; blanks are dropped."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, Sequence) or not all(isinstance(one, str) for one in value):
        raise AirflowFailException(f"{name} is {value!r}: give a list of texts, or one text with commas")
    return tuple(dict.fromkeys(one.strip() for one in value if one.strip()))


def as_texts(name: str, value: Any) -> tuple[str, ...]:
    """A list of texts, also as JSON, or one text; nothing is split or stripped: OSS keys may hold commas and blanks."""
    texts = _listed(value) if isinstance(value, str) else value
    if texts is None:
        return ()
    if not isinstance(texts, Sequence) or isinstance(texts, bytes) or not all(isinstance(one, str) for one in texts):
        raise AirflowFailException(f"{name} is {value!r}: give a text or a list of texts")
    return tuple(dict.fromkeys(one for one in texts if one))


def _listed(text: str) -> list[str]:
    """The texts of a JSON list; anything else is one text, a shell pattern such as [ab]*.wav among them."""
    try:
        texts = json.loads(text)
    except ValueError:
        return [text]
    return texts if isinstance(texts, list) and all(isinstance(one, str) for one in texts) else [text]


def as_number(name: str, value: Any) -> int | None:
    """A whole number; empty text and None mean none."""
    if value is None or (isinstance(value, str) and value.strip() in {"", "None"}):
        return None
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    # int() would take 1.5 for 1 and True for 1.
    if number is None or isinstance(value, bool) or (isinstance(value, float) and value != number):
        raise AirflowFailException(f"{name} is {value!r}: give a whole number")
    return number


def as_hours(name: str, value: Any) -> timedelta | None:
    """A span of time given in hours, fractions allowed; empty text and None mean none."""
    if as_text(value) is None:
        return None
    try:
        return timedelta(hours=float(value))
    except (TypeError, ValueError, OverflowError):
        raise AirflowFailException(f"{name} is {value!r}: give hours, such as 24 or 0.5") from None


def as_moment(name: str, value: Any) -> datetime | None:
    """A time with its zone, as such or as ISO 8601; empty text and None mean none."""
    text = as_text(value)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise AirflowFailException(f"{name} is {value!r}: give a time with its zone, such as 2026-11-22T02:00:00+08:00")
    return moment


def as_percent(name: str, value: Any) -> float:
    """A number from 0 to 100."""
    try:
        percent = float(value)
    except (TypeError, ValueError):
        percent = -1.0
    if not 0 <= percent <= 100:
        raise AirflowFailException(f"{name} is {value!r}: give a number from 0 to 100")
    return percent


def as_flag(name: str, value: Any) -> bool:
    """True or False, as such or as text."""
    if isinstance(value, bool):
        return value
    flags = {"true": True, "1": True, "false": False, "0": False, "": False, "none": False}
    try:
        return flags[str(value).strip().lower()]
    except KeyError:
        raise AirflowFailException(f"{name} is {value!r}: give true or false") from None


def as_text(value: Any) -> str | None:
    """Text; empty text and a rendered None mean none."""
    text = "" if value is None else str(value)
    return None if text in {"", "None"} else text


def as_shard(value: Any) -> ShardHandle:
    """The handle that `OSSAudioConvertOperator` returns."""
    try:
        return ShardHandle(batch=int(value["batch"]), uid=str(value["uid"]), shard=int(value["shard"]))
    except (KeyError, TypeError, ValueError):
        raise AirflowFailException(
            f"shard is {value!r}: give what OSSAudioConvertOperator returned, such as convert.output"
        ) from None


def as_batch(value: Any) -> BatchHandle:
    """The batch out of what its first task returned; a bare id is taken for whatever batch has it."""
    try:
        if isinstance(value, Mapping):
            return BatchHandle(int(value["batch"]), str(value["uid"]) if "uid" in value else None)
        return BatchHandle(int(value), None)
    except (KeyError, TypeError, ValueError):
        raise AirflowFailException(
            f"batch is {value!r}: give what OSSAudioListOperator returned, such as list.output"
        ) from None
