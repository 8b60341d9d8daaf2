"""Publishing: a verified output is copied on the server to its final key, unless a newer generation stands there.

Two publishers of two generations may run at once, and either may stall before its copy. So a publisher first takes the
staged objects of all older generations away: a late copy of theirs finds nothing to copy. And what was copied is always
entered, also when a newer generation was planned meanwhile: the catalogue describes what stands at the final key.
"""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from include.audio_convert import FORMATS, AudioConvert, AudioFormat
from include.catalogue import batches, conversions
from include.catalogue.conversions import CHUNK, Conversion, move, of_the_same, rest
from include.catalogue.database import Catalogue, now
from include.catalogue.schema import batch_conversion, conversion, rendition
from include.catalogue.states import State, Verb
from include.oss import OssSettings

from .moving import move_from
from .refusals import is_about_the_object

log = logging.getLogger(__name__)

#: Copies at once.
CONCURRENCY = 8
#: What OSS allows in the value of an object tag.
_TAG_VALUE = re.compile(r"[A-Za-z0-9 +\-=._:/]{0,256}")


def publish_batch(catalogue: Catalogue, settings: OssSettings, batch_id: int) -> Counter[str]:
    """Publish every verified conversion of a batch and clear its staging keys. Can be run again at any time.

    Returns:
        How many conversions ended in which state.

    Raises:
        NoSuchBatch: the catalogue was replaced since the run began.
        oss2.exceptions.OssError, requests.RequestException: a copy failed, and not for the object's
            sake; the others are published.
    """
    with catalogue.read() as connection:
        batches.get_batch(connection, batch_id)
        verified = conversions.of_batch(connection, batch_id, [State.VERIFIED])
    publisher = _Publisher(catalogue, settings)
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="publish") as pool:
        outcomes = Counter(state.value for state in pool.map(publisher.publish, verified))
    publisher.clear_staging(batch_id)
    if publisher.error is not None:
        raise publisher.error
    return outcomes


class _Publisher:
    def __init__(self, catalogue: Catalogue, settings: OssSettings) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._session = settings.session()
        self.error: Exception | None = None

    def publish(self, one: Conversion) -> State:
        """Copy, then record, each only if no newer generation is published. In a pool thread."""
        import oss2
        import requests

        if one.output_key is None or self._is_replaced(one):
            return self._supersede(one)
        try:
            self._fence(one)
            etag = self._copy(one) if one.publish == "staged" else self._look(one)
        except (oss2.exceptions.OssError, requests.exceptions.RequestException) as error:
            # The second: oss2 doesn't wrap what happens while it reads an answer.
            return self._refused(one, error)
        with self._catalogue.write() as connection:
            # Two generations don't publish at the same moment: each would miss the other one.
            generations = sa.select(conversion.c.id).where(of_the_same(conversion, one)).order_by(conversion.c.id)
            connection.execute(generations.with_for_update()).all()
            if move(connection, Verb.PUBLISH, one.this_attempt, code=None, message=None):
                self._enter(connection, one, etag)
                return State.PUBLISHED
        return self._supersede(one)

    def clear_staging(self, batch_id: int) -> None:
        """Remove the staged objects of everything in the batch that nobody publishes any more.

        Quarantined ones stay for whoever looks into them.
        """
        over = [state.value for state in (State.PUBLISHED, State.SUPERSEDED, State.DEAD)]
        with self._catalogue.read() as connection:
            rows = connection.execute(
                _staged()
                .join(batch_conversion, batch_conversion.c.conversion_id == conversion.c.id)
                .where(batch_conversion.c.batch_id == batch_id, conversion.c.state.in_(over))
            ).all()
        self._remove(rows)

    def _is_newest(self, one: Conversion) -> bool:
        with self._catalogue.read() as connection:
            return bool(connection.scalar(sa.select(conversion.c.newest).where(conversion.c.id == one.id)))

    def _is_replaced(self, one: Conversion) -> bool:
        newer = of_the_same(conversion, one), conversion.c.generation > one.generation
        published = sa.select(conversion.c.id).where(*newer, conversion.c.state == State.PUBLISHED.value)
        with self._catalogue.read() as connection:
            return connection.scalar(published.limit(1)) is not None

    def _fence(self, one: Conversion) -> None:
        """Take away what older generations have staged: a publisher of theirs that stalled copies nothing any more."""
        with self._catalogue.read() as connection:
            older = connection.execute(
                _staged().where(of_the_same(conversion, one), conversion.c.generation < one.generation)
            ).all()
        self._remove(older)

    def _remove(self, rows: Sequence[Row[Any]]) -> None:
        """Remove staged objects, a thousand a request, and forget their keys."""
        staged: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for row in rows:
            staged[row.output_bucket].append((row.id, row.output_key))
        for bucket, objects in staged.items():
            client = self._settings.bucket(bucket, session=self._session)
            for start in range(0, len(objects), CHUNK):
                page = objects[start : start + CHUNK]
                client.batch_delete_objects([key for _, key in page])
                with self._catalogue.write() as connection:
                    connection.execute(
                        sa.update(conversion)
                        .where(sa.tuple_(conversion.c.id, conversion.c.output_key).in_(page))
                        .values(output_key=None)
                    )

    def _copy(self, one: Conversion) -> str:
        """Copy the very bytes that were verified, with type and tags of their own. Returns the new ETag."""
        headers = {
            "x-oss-metadata-directive": "REPLACE",
            "Content-Type": _format(one).content_type,
            "x-oss-tagging-directive": "Replace",
            "x-oss-tagging": urlencode(_tags(one)),
            "x-oss-copy-source-if-match": f'"{one.output_etag}"',
        }
        bucket = self._settings.bucket(one.target_bucket, session=self._session)
        copied = bucket.copy_object(one.output_bucket, one.output_key, one.target_key, headers=headers)
        return str(copied.etag).strip('"')

    def _look(self, one: Conversion) -> str:
        """Make sure that the very bytes that were verified stand at the final key, to which they were written."""
        bucket = self._settings.bucket(one.target_bucket, session=self._session)
        there = bucket.head_object(one.target_key, headers={"If-Match": f'"{one.output_etag}"'})
        return str(there.etag).strip('"')

    def _refused(self, one: Conversion, error: Any) -> State:
        """The row's own failure, if it is one; anything else is the step's, and the row waits for the next try."""
        if not is_about_the_object(error):
            self.error = error
            return State.VERIFIED
        if not self._is_newest(one):
            return self._supersede(one)
        output = f"oss://{one.output_bucket}/{one.output_key}"
        if error.status in {404, 412}:
            return self._quarantine(one, "OutputChanged", f"{output} is gone or changed since it was verified")
        code = error.code or f"HTTP {error.status}"
        return self._quarantine(one, code, f"OSS refuses to publish {output}: {error.message or 'no reason given'}")

    def _enter(self, connection: Connection, one: Conversion, etag: str) -> None:
        """Enter the rendition; what stood there before, or elsewhere of the same, is superseded only now."""
        here = sa.and_(rendition.c.bucket == one.target_bucket, rendition.c.key == one.target_key)
        older = connection.scalars(
            sa.select(conversion.c.id)
            .outerjoin(rendition, rendition.c.conversion_id == conversion.c.id)
            .where(
                conversion.c.id != one.id,
                conversion.c.state == State.PUBLISHED.value,
                # A source or profile that is gone gave its target up; its rendition stood until now.
                sa.or_(sa.and_(of_the_same(conversion, one), conversion.c.generation < one.generation), here),
            )
        ).all()
        move(connection, Verb.SUPERSEDE, older, message=f"replaced by generation {one.generation} of {one.key}")
        measured = one.measured or {}
        connection.execute(sa.delete(rendition).where(sa.or_(rendition.c.conversion_id.in_(older), here)))
        connection.execute(
            sa.insert(rendition).values(
                bucket=one.target_bucket,
                key=one.target_key,
                conversion_id=one.id,
                source_id=one.source_id,
                source_bucket=one.bucket,
                source_key=one.key,
                profile=one.profile,
                codec=measured["codec"],
                # An opus file decodes at 48,000 Hz whatever it was made from: OpusHead has the rate that was asked for.
                sample_rate=measured["opus_input_rate"] or measured["sample_rate"],
                channels=measured["channels"],
                duration=measured["duration"],
                bitrate=measured["bitrate"],
                size=one.output_size,
                etag=etag,
                published_at=now(),
                container=measured["container"],
                bits_per_sample=measured["bits_per_sample"],
                content_type=_format(one).content_type,
                # What is written in place has whatever tags the service gives it.
                tags=_tags(one) if one.publish == "staged" else None,
            )
        )

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
                retry_at=rest(one.attempt),
            )


def _staged() -> sa.Select[Any]:
    """Rows with an object at a staging key: never one that was written to its final key at once."""
    return sa.select(conversion.c.id, conversion.c.output_bucket, conversion.c.output_key).where(
        conversion.c.publish == "staged",
        conversion.c.output_key.is_not(None),
        conversion.c.output_key != conversion.c.target_key,
    )


def _format(one: Conversion) -> AudioFormat:
    return FORMATS[AudioConvert.parse(one.process).f]


def _tags(one: Conversion) -> dict[str, Any]:
    tags = {"verified": "true", "profile": one.profile, "source-etag": one.etag}
    return {name: value for name, value in tags.items() if _TAG_VALUE.fullmatch(value)}
