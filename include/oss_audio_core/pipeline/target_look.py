"""What stands at the targets that a plan wants, looked up before the plan's transaction begins.

A plan may want a million targets, in any order. They are kept and sorted in a temporary SQLite database, and looked up
by listing pages in the order of their keys: a page has a thousand objects, and each page begins at the next target.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any

from oss_audio_core.catalogue.conversions import CHUNK
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.key_order import key_before
from oss_audio_core.pipeline.final_keys import FinalKeys, Standing

PAGE = 1000
"""Objects of a listing page at most."""

SPARSE_PAGE = 10
"""Objects of a page where targets lie so far apart that a page shows one of them."""

Target = tuple[str, str]
"""Bucket and key."""

_SCHEMA = """
CREATE TABLE target (
    bucket TEXT NOT NULL, key TEXT NOT NULL, source TEXT NOT NULL, profile TEXT NOT NULL, rival TEXT,
    rival_profile TEXT, PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE occupant (
    bucket TEXT NOT NULL, key TEXT NOT NULL, message TEXT NOT NULL, PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
"""

_WANT = """
INSERT INTO target (bucket, key, source, profile) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET rival = excluded.source, rival_profile = excluded.profile WHERE rival IS NULL
"""


@dataclass(frozen=True)
class Found:
    """What is known of one target.

    Attributes:
        source, profile: key of the source that wants it, and of which profile the rendition is.
        rival, rival_profile: of another one that wants it; None: there is no other.
        occupant: the sentence about an object there that isn't the catalogue's own.
    """

    source: str
    profile: str
    rival: str | None
    rival_profile: str | None
    occupant: str | None


class TargetLook(AbstractContextManager["TargetLook"]):
    """The targets that one planning wants, and what stands there."""

    def __init__(self, catalogue: Catalogue, oss: OssSettings | None) -> None:
        """Begin without targets; without `oss` nothing is looked up, and every target is taken to be free."""
        self._catalogue = catalogue
        self._oss = oss
        # SQLite keeps a database without a name in a temporary file of its own.
        self._database = sqlite3.connect("")
        self._database.executescript(_SCHEMA)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def want(self, profile: str, targets: Mapping[str, Target]) -> None:
        """Add targets of a profile's renditions, by source key."""
        rows = [(bucket, key, source, profile) for source, (bucket, key) in targets.items()]
        self._database.executemany(_WANT, rows)

    @property
    def is_empty(self) -> bool:
        """Whether no target was added."""
        return self._database.execute("SELECT 1 FROM target LIMIT 1").fetchone() is None

    def look(self) -> None:
        """Look at all targets; what isn't the catalogue's own is kept.

        Raises:
            oss2.exceptions.OssError, requests.RequestException: OSS can't say what stands there.
        """
        if self._oss is None:
            return
        session = self._oss.session()
        final_keys = FinalKeys(self._catalogue, self._oss, session)
        buckets = self._database.execute("SELECT bucket, count(*) FROM target GROUP BY bucket").fetchall()
        for bucket, count in buckets:
            keys = self._database.execute("SELECT key FROM target WHERE bucket = ? ORDER BY key", (bucket,))
            client = self._oss.bucket(bucket, session=session)
            standing = standing_objects(client, (key for (key,) in keys), count)
            while turn := list(islice(standing, CHUNK)):
                others = final_keys.others(bucket, turn)
                rows = [(one.bucket, one.standing.key, str(one)) for one in others]
                self._database.executemany("INSERT INTO occupant VALUES (?, ?, ?)", rows)

    def find(self, targets: Collection[Target]) -> dict[Target, Found]:
        """What is known of at most a thousand targets; those that were not added are left out."""
        by_bucket: dict[str, list[str]] = {}
        for bucket, key in targets:
            by_bucket.setdefault(bucket, []).append(key)
        found: dict[Target, Found] = {}
        for bucket, keys in by_bucket.items():
            marks = ", ".join("?" * len(keys))
            statement = (
                "SELECT key, source, profile, rival, rival_profile, message "  # noqa: S608 - marks are ?, ?, …
                f"FROM target LEFT JOIN occupant USING (bucket, key) WHERE bucket = ? AND key IN ({marks})"
            )
            for key, *columns in self._database.execute(statement, (bucket, *keys)):
                found[bucket, key] = Found(*columns)
        return found


def standing_objects(bucket: Any, keys: Iterator[str], count: int) -> Iterator[Standing]:
    """The objects that stand at the given keys, by listing pages.

    A page answers for all keys between its first and its last object. It has no more objects than there are keys left,
    and few where the page before it answered for one key only.

    Args:
        bucket: an `oss2.Bucket`.
        keys: in the order of their UTF-8 bytes.
        count: of the keys.

    Yields:
        The objects, in the same order.

    Raises:
        oss2.exceptions.OssError, requests.RequestException: as the SDK raises it.
    """
    objects: Sequence[Any] = ()
    until: bytes | None = b""  # the last key that the page answers for; None: it answers for all that follow
    position = answered = 0
    size = PAGE
    for number, key in enumerate(keys):
        encoded = key.encode()
        if until is not None and encoded > until:
            if number:
                size = PAGE if answered > 1 else max(SPARSE_PAGE, size // 4)
            after, most, answered = key_before(key), min(size, count - number), 0
            while until is not None and encoded > until:
                page = bucket.list_objects_v2(start_after=after, max_keys=most)
                objects, position = page.object_list, 0
                until = objects[-1].key.encode() if page.is_truncated else None
                # There may be objects between the key and the one before it.
                after, most = objects[-1].key if objects else after, PAGE
        answered += 1
        while position < len(objects) and objects[position].key.encode() < encoded:
            position += 1
        if position < len(objects) and objects[position].key == key:
            one = objects[position]
            yield Standing.of(key, one.etag, int(one.size), one.last_modified)
