"""Conversion between rows of the table `objects` and `ObjectInfo`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from oss_local_cloud.interfaces import ObjectInfo

ATTRIBUTES = "content_type, headers, metadata, tags, storage_class, acl"
COLUMNS = f"size, etag, crc64, object_type, blob, target, last_modified, restored_from, restored_until, {ATTRIBUTES}"


@dataclass(frozen=True)
class ObjectAttributes:
    """Content headers, user metadata, tags, storage class and ACL of an object."""

    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = "Standard"
    acl: str = "default"


class StoredContent(NamedTuple):
    """The content of an object: size in bytes, ETag, CRC-64, object type and blob.

    A symlink has a `target` and no `blob`.
    """

    size: int
    etag: str
    crc64: int
    object_type: str
    blob: str | None
    target: str | None = None


def attribute_values(attributes: ObjectAttributes) -> tuple[str, ...]:
    """The values of the columns ATTRIBUTES."""
    return (
        attributes.content_type,
        _json(attributes.headers),
        _json(attributes.metadata),
        _json(attributes.tags),
        attributes.storage_class,
        attributes.acl,
    )


def attributes_from_row(row: sqlite3.Row) -> ObjectAttributes:
    """The attributes in a row that has the columns ATTRIBUTES."""
    return ObjectAttributes(
        row["content_type"],
        _mapping(row["headers"]),
        _mapping(row["metadata"]),
        _mapping(row["tags"]),
        row["storage_class"],
        row["acl"],
    )


def row_values(content: StoredContent, attributes: ObjectAttributes, now: int) -> tuple[object, ...]:
    """The values of COLUMNS for an object that is written `now` (seconds since the epoch)."""
    size, etag, crc64, kind, blob, target = content
    return (size, etag, str(crc64), kind, blob, target, now, None, None, *attribute_values(attributes))


def object_info(bucket: str, key: str, columns: Iterable[Any], directory: str) -> ObjectInfo:
    """An object from the values of COLUMNS; its blob is below `directory`."""
    (
        size,
        etag,
        crc64,
        kind,
        blob,
        target,
        modified,
        restored_from,
        restored_until,
        content_type,
        headers,
        metadata,
        tags,
        storage_class,
        acl,
    ) = columns
    return ObjectInfo(
        bucket=bucket,
        key=key,
        etag=etag,
        size=size,
        last_modified=utc_datetime(modified),
        content_type=content_type,
        crc64=int(crc64),
        file=f"{directory}/{blob}" if blob else directory,
        tags=_mapping(tags),
        metadata=_mapping(metadata),
        headers=_mapping(headers),
        object_type=kind,
        storage_class=storage_class,
        acl=acl,
        symlink_target=target,
        restored_from=None if restored_from is None else utc_datetime(restored_from),
        restored_until=None if restored_until is None else utc_datetime(restored_until),
    )


@lru_cache(maxsize=4096)
def utc_datetime(seconds: int) -> datetime:
    """Seconds since the epoch as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def tags_value(tags: Mapping[str, str]) -> str:
    """The value of the column `tags`."""
    return _json(tags)


def _json(mapping: Mapping[str, str]) -> str:
    return json.dumps(dict(mapping), ensure_ascii=False) if mapping else "{}"


def _mapping(text: str) -> dict[str, str]:
    if text == "{}":
        return {}
    parsed: dict[str, str] = json.loads(text)
    return parsed
