"""What is known of a source's content, beyond what its listing told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from .conversions import storable
from .schema import source

#: Tags with columns of their own.
NAMED_TAGS = ("title", "artist", "album")


def describe(
    connection: Connection,
    source_id: int,
    *,
    probe: Mapping[str, Any],
    tags: Mapping[str, str] | None = None,
    crc64: str | None = None,
) -> None:
    """Write down what probing a source found.

    Args:
        probe: all of it, kept so that the source is never probed twice; has `codec`, `sample_rate` (Hz), `channels` and
            `duration` (seconds).
        tags: the file's own, by name; None: not looked for.
        crc64: CRC-64/XZ of its bytes in decimal, as OSS tells it; None: not known.
    """
    values: dict[str, Any] = {
        "probe": dict(probe),
        **{name: probe[name] for name in ("codec", "sample_rate", "channels", "duration")},
    }
    if crc64 is not None:
        values["crc64"] = crc64
    if tags is not None:
        texts = {storable(name.lower()): storable(text) for name, text in tags.items()}
        values |= {name: texts.pop(name, None) for name in NAMED_TAGS}
        values["tags"] = texts
    connection.execute(sa.update(source).where(source.c.id == source_id).values(**values))
