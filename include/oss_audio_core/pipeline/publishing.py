"""Publishing: a verified output is copied on the server to its final key, unless a newer generation stands there.

Two publishers of two generations may run at once, and either may stall before its copy. So a publisher first takes the
staged objects of all older generations away: a late copy of theirs finds nothing to copy. And what was copied is always
entered, also when a newer generation was planned meanwhile: the catalogue describes what stands at the final key. The
same goes for former owners of the final key, whose source or profile is gone.

A rendition costs one request, its tags among the headers; one more for each file beside it, and for one over 1 GiB
those of a copy in parts.
"""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.audio_convert import FORMATS, AudioConvert, AudioFormat
from oss_audio_core.catalogue import batches, conversions
from oss_audio_core.catalogue.conversions import (
    CHUNK,
    Conversion,
    is_same_rendition,
    move,
    move_from,
    next_retry,
    shares_place,
)
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.schema import conversion, rendition
from oss_audio_core.catalogue.states import State, Verb
from oss_audio_core.oss import OssSettings, patiently
from oss_audio_core.pipeline import part_copy
from oss_audio_core.pipeline.circuit_breaker import CircuitBreaker
from oss_audio_core.pipeline.error_classification import is_about_the_object
from oss_audio_core.pipeline.flow import in_order
from oss_audio_core.pipeline.measures import Measures
from oss_audio_core.pipeline.part_copy import CopyDiffersError, Source, copy_in_parts
from oss_audio_core.pipeline.rendition_row import rendition_row
from oss_audio_core.pipeline.sidecars import final_sidecar_key, rendition_key
from oss_audio_core.pipeline.staged_objects import StagedObjects, remove

log = logging.getLogger(__name__)

CONCURRENCY = 8
"""Copies at once."""

_TAG_VALUE = re.compile(r"[A-Za-z0-9 +\-=._:/]{0,256}")
"""What OSS allows in the value of an object tag."""


def publish_batch(catalogue: Catalogue, settings: OssSettings, batch_id: int, uid: str | None = None) -> Counter[str]:
    """Publish every verified conversion of a batch and clear its staging keys. Can be run again at any time.

    Args:
        uid: the batch's own, where it is known: an id may be given again.

    Returns:
        How many conversions ended in which state.

    Raises:
        NoSuchBatch: the catalogue was replaced since the run began.
        oss2.exceptions.OssError, requests.RequestException: a copy failed, and not for the object's
            sake; the others are published, unless nothing gets an answer.
    """
    with catalogue.read() as connection:
        batches.get_batch(connection, batch_id, uid)
    verified = chain.from_iterable(conversions.pages_of_batch(catalogue, batch_id, [State.VERIFIED]))
    publisher = _Publisher(catalogue, settings)
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="publish") as pool:
        states = in_order(pool, publisher.publish, verified, ahead=4 * CONCURRENCY)
        outcomes = Counter(state.value for state in states)
    if not publisher.outages.lasts:
        publisher.clear(batch_id)
    if publisher.outages.error is not None:
        raise publisher.outages.error
    return outcomes


class _Publisher:
    def __init__(self, catalogue: Catalogue, settings: OssSettings) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._session = settings.session()
        self._staged = StagedObjects(catalogue, settings, self._session)
        self._replaced: set[str] = set()
        self.outages = CircuitBreaker()

    def publish(self, one: Conversion) -> State:
        """Copy, then record, each only if no newer generation is published. In a pool thread."""
        import oss2
        import requests

        if self.outages.lasts:
            return State.VERIFIED
        if one.output_key is None or self._is_replaced(one):
            return self._supersede(one)
        measures = Measures.from_json(one.measured or {})
        try:
            self._staged.fence(one)
            side = self._copy_side(one, measures)
            etag = self._copy(one, measures) if one.publish == "staged" else self._look(one)
        except CopyDiffersError as error:
            return self._quarantine(one, "CopyDiffers", str(error))
        except (oss2.exceptions.OssError, requests.exceptions.RequestException) as error:
            # The second: oss2 doesn't wrap what happens while it reads an answer.
            return self._refused(one, error)
        self.outages.served()
        with self._catalogue.write() as connection:
            # Two don't publish in one place at the same moment: each would miss the other one.
            placed = conversion.alias("placed")
            ids = sa.union_all(*(sa.select(placed.c.id).where(same) for same in shares_place(placed, one)))
            in_one_place = sa.select(conversion.c.id).where(conversion.c.id.in_(ids)).order_by(conversion.c.id)
            connection.execute(in_one_place.with_for_update()).all()
            if move(connection, Verb.PUBLISH, one.this_attempt, code=None, message=None):
                self._enter(connection, one, measures, etag, side)
                return State.PUBLISHED
        return self._supersede(one)

    def clear(self, batch_id: int) -> None:
        """Remove what nobody needs any more: staged objects, and what stood beside renditions that were replaced."""
        self._staged.clear(batch_id)
        beside: defaultdict[str, list[str]] = defaultdict(list)
        for uri in sorted(self._replaced):
            bucket, _, key = uri.removeprefix("oss://").partition("/")
            beside[bucket].append(key)
        for bucket, keys in beside.items():
            for start in range(0, len(keys), CHUNK):
                chunk = keys[start : start + CHUNK]
                kept = self._kept(bucket, chunk)
                remove(self._settings.bucket(bucket, session=self._session), [key for key in chunk if key not in kept])

    def _kept(self, bucket: str, side_keys: Sequence[str]) -> set[str]:
        """Those of some side files that their renditions still have."""
        beside = sa.select(rendition.c.waveform_uri, rendition.c.picture_uri).where(
            rendition.c.bucket == bucket, rendition.c.key.in_({rendition_key(key) for key in side_keys})
        )
        with self._catalogue.read() as connection:
            uris = {uri for row in connection.execute(beside) for uri in row}
        return {key for key in side_keys if f"oss://{bucket}/{key}" in uris}

    def _is_newest(self, one: Conversion) -> bool:
        with self._catalogue.read() as connection:
            return bool(connection.scalar(sa.select(conversion.c.newest).where(conversion.c.id == one.id)))

    def _is_replaced(self, one: Conversion) -> bool:
        newer = conversion.c.id > one.id, conversion.c.state == State.PUBLISHED.value
        published = [sa.select(conversion.c.id).where(same, *newer).limit(1) for same in shares_place(conversion, one)]
        with self._catalogue.read() as connection:
            return any(connection.scalar(statement) is not None for statement in published)

    def _copy(self, one: Conversion, measures: Measures) -> str:
        """Copy the very bytes that were verified, with type and tags of their own. Returns the new ETag."""
        bucket = self._settings.bucket(one.target_bucket, session=self._session)
        of_its_own = {"Content-Type": _format(one).content_type, "x-oss-tagging": urlencode(_tags(one))}
        if (size := one.output_size or 0) > part_copy.LIMIT:
            verified = Source(*_staged(one), str(one.output_etag), size, measures.crc64)
            return copy_in_parts(bucket, verified, one.target_key, of_its_own)
        headers = {
            **of_its_own,
            "x-oss-metadata-directive": "REPLACE",
            "x-oss-tagging-directive": "Replace",
            "x-oss-copy-source-if-match": f'"{one.output_etag}"',
        }
        copied = patiently(lambda: bucket.copy_object(*_staged(one), one.target_key, headers=headers))
        # oss2 leaves the answer unread, and a connection with one can't be used again.
        copied.resp.read()
        return str(copied.etag).strip('"')

    def _copy_side(self, one: Conversion, measures: Measures) -> dict[str, str]:
        """Put waveform and picture beside the final key, if they aren't there. Returns their addresses."""
        bucket = self._settings.bucket(one.target_bucket, session=self._session)
        addresses = {}
        for kind, staged in measures.side.items():
            key = final_sidecar_key(one.target_key, staged)
            if (one.output_bucket, staged) != (one.target_bucket, key):
                patiently(partial(bucket.copy_object, one.output_bucket, staged, key)).resp.read()
            addresses[str(kind)] = f"oss://{one.target_bucket}/{key}"
        return addresses

    def _look(self, one: Conversion) -> str:
        """Make sure that the very bytes that were verified stand at the final key, to which they were written."""
        bucket = self._settings.bucket(one.target_bucket, session=self._session)
        there = bucket.head_object(one.target_key, headers={"If-Match": f'"{one.output_etag}"'})
        return str(there.etag).strip('"')

    def _refused(self, one: Conversion, error: Any) -> State:
        """The row's own failure, if it is one; anything else is the step's, and the row waits for the next try."""
        about_it = is_about_the_object(error)
        if about_it and not self._is_newest(one):
            return self._supersede(one)
        # Another publisher of the same rendition has ended this one's copy in parts: the next try finds out.
        if not about_it or error.code == "NoSuchUpload":
            self.outages.failed(error)
            return State.VERIFIED
        output = f"oss://{one.output_bucket}/{one.output_key}"
        if error.status in {404, 412}:
            return self._quarantine(one, "OutputChanged", f"{output} is gone or changed since it was verified")
        code = error.code or f"HTTP {error.status}"
        return self._quarantine(one, code, f"OSS refuses to publish {output}: {error.message or 'no reason given'}")

    def _enter(
        self, connection: Connection, one: Conversion, measures: Measures, etag: str, side: Mapping[str, str]
    ) -> None:
        """Enter the rendition; what stood there before, or elsewhere of the same, is superseded only now."""
        here = sa.and_(rendition.c.bucket == one.target_bucket, rendition.c.key == one.target_key)
        published = conversion.c.id != one.id, conversion.c.state == State.PUBLISHED.value
        # Two statements, each by an index: with an OR between them, a database reads all conversions there are.
        earlier = is_same_rendition(conversion, one), conversion.c.generation < one.generation
        older = set(connection.scalars(sa.select(conversion.c.id).where(*earlier, *published)))
        # A source or profile that is gone gave its target up; its rendition stood until now.
        at_the_key = sa.select(conversion.c.id).join(rendition, rendition.c.conversion_id == conversion.c.id)
        older.update(connection.scalars(at_the_key.where(here, *published)))
        move(connection, Verb.SUPERSEDE, older, message=f"replaced by generation {one.generation} of {one.key}")
        gone = sa.or_(rendition.c.conversion_id.in_(older), here)
        for beside in connection.execute(sa.select(rendition.c.waveform_uri, rendition.c.picture_uri).where(gone)):
            self._replaced.update(uri for uri in beside if uri is not None)
        connection.execute(sa.delete(rendition).where(gone))
        # What is written in place has whatever tags the service gives it.
        tags = _tags(one) if one.publish == "staged" else None
        content_type = _format(one).content_type
        row = rendition_row(one, measures, etag=etag, content_type=content_type, tags=tags, side=side)
        connection.execute(sa.insert(rendition).values(row))

    def _supersede(self, one: Conversion) -> State:
        with self._catalogue.write() as connection:
            message = "a newer generation is being published"
            return move_from(connection, State.VERIFIED, Verb.SUPERSEDE, one.this_attempt, message=message)

    def _quarantine(self, one: Conversion, code: str, message: str) -> State:
        log.warning("oss://%s/%s as %s: %s", one.bucket, one.key, one.profile, message)
        with self._catalogue.write() as connection:
            return move_from(
                connection,
                State.VERIFIED,
                Verb.QUARANTINE,
                one.this_attempt,
                code=code,
                message=message,
                retry_at=next_retry(one.attempt),
            )


def _staged(one: Conversion) -> tuple[str, str]:
    """Bucket and key of its verified output."""
    return one.output_bucket or one.target_bucket, one.output_key or one.target_key


def _format(one: Conversion) -> AudioFormat:
    return FORMATS[AudioConvert.parse(one.process).f]


def _tags(one: Conversion) -> dict[str, str]:
    tags = {"verified": "true", "profile": one.profile, "source-etag": one.etag}
    return {name: value for name, value in tags.items() if _TAG_VALUE.fullmatch(value)}
