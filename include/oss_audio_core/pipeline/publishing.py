"""Publishing: a verified output is copied on the server to its final key, unless a newer generation stands there.

Two publishers of two generations may run at once, and either may stall before its copy. A publisher therefore first
removes the staged objects of all older generations: a late copy of theirs finds no source. A copy that was made is
always entered, also when a newer generation was planned meanwhile: the catalogue describes what stands at the final
key. The same holds for former owners of the final key, whose source or profile is gone.

A final key is written only where it is absent or the catalogue's own (`final_keys`): else the conversion is
quarantined, and its staged object stays.

A rendition costs two requests, the look and the copy with its tags among the headers. Each sidecar costs as many, and a
rendition over 1 GiB the requests of a copy in parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from oss_audio_core.audio_convert import FORMATS, AudioConvert, AudioFormat
from oss_audio_core.catalogue import batches, conversions, renditions
from oss_audio_core.catalogue.conversions import Conversion, move_from, next_retry
from oss_audio_core.catalogue.database import Catalogue, now
from oss_audio_core.catalogue.errors import CatalogueError
from oss_audio_core.catalogue.identity import catalogue_uid
from oss_audio_core.catalogue.row_isolation import one_row
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.catalogue.states import State, Verb
from oss_audio_core.oss import OssSettings, retry
from oss_audio_core.oss.error_classification import is_object_error
from oss_audio_core.pipeline import part_copy
from oss_audio_core.pipeline.circuit_breaker import CircuitBreaker
from oss_audio_core.pipeline.final_keys import CODE, FinalKeys, TargetOccupied
from oss_audio_core.pipeline.flow import in_order
from oss_audio_core.pipeline.measures import Measures
from oss_audio_core.pipeline.object_tags import rendition_tags, sidecar_tags, tagging
from oss_audio_core.pipeline.part_copy import CopyDiffersError, Source, copy_in_parts
from oss_audio_core.pipeline.part_uploads import PartUploads
from oss_audio_core.pipeline.replaced_sidecars import ReplacedSidecars
from oss_audio_core.pipeline.sidecars import final_sidecar_key
from oss_audio_core.pipeline.staged_objects import StagedObjects
from oss_audio_core.text.logs import get_logger

log = get_logger(__name__)

CONCURRENCY = 8
"""Copies at once."""


def publish_batch(
    catalogue: Catalogue, settings: OssSettings, batch_id: int, uid: str | None = None, *, shard: int | None = None
) -> Counter[str]:
    """Publish every verified conversion of a batch, or of one shard of it, and clear its staging keys.

    It can be run again at any time.

    Args:
        catalogue: has the batch.
        settings: of OSS.
        batch_id: of the batch.
        uid: the batch's own, where it is known: an id may be given again.
        shard: number of the shard; None: the whole batch.

    Returns:
        The number of conversions by the state they ended in.

    Raises:
        NoSuchBatch: the catalogue was replaced since the run began.
        oss2.exceptions.OssError: a copy failed for a reason that isn't the object's own. The other conversions are
            published, unless OSS is away altogether.
        requests.RequestException: the same, while an answer was read.
    """
    with catalogue.read() as connection:
        batches.get_batch(connection, batch_id, uid)
    verified = chain.from_iterable(conversions.pages_of_batch(catalogue, batch_id, [State.VERIFIED], shard=shard))
    publisher = _Publisher(catalogue, settings)
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="publish") as pool:
        states = in_order(pool, publisher.publish, verified, ahead=4 * CONCURRENCY)
        outcomes = Counter(state.value for state in states)
    if not publisher.breaker.is_open:
        publisher.clear(batch_id, shard)
    if publisher.breaker.error is not None:
        raise publisher.breaker.error
    return outcomes


class _Publisher:
    def __init__(self, catalogue: Catalogue, settings: OssSettings) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._session = settings.session()
        self._staged = StagedObjects(catalogue, settings, self._session)
        self._uploads = PartUploads(catalogue, settings, self._session)
        self._final_keys = FinalKeys(catalogue, settings, self._session)
        with catalogue.read() as connection:
            self._uid = catalogue_uid(connection)
        self._replaced_sidecars = ReplacedSidecars(catalogue, settings, self._session, self._uid)
        self.breaker = CircuitBreaker()

    def publish(self, one: Conversion) -> State:
        """Publish one conversion; whatever goes wrong with it alone leaves its neighbours. Runs in a pool thread."""
        try:
            return self._publish(one)
        except (OSError, CatalogueError, SQLAlchemyError):
            raise  # the machine's trouble, or the database's
        except Exception as error:
            log.debug("oss://%s/%s as %s", one.bucket, one.key, one.profile, exc_info=error)
            said = " ".join(f"{type(error).__name__}: {error}".split())
            return self._quarantine(one, "Unpublishable", f"it could not be published ({said})")

    def _publish(self, one: Conversion) -> State:
        """Copy, then record, each only if no newer generation is published."""
        import oss2
        import requests

        if self.breaker.is_open:
            return State.VERIFIED
        if one.output_key is None or self._is_replaced(one):
            return self._supersede(one)
        measures = Measures.from_json(one.measured or {})
        try:
            self._staged.fence(one)
            sidecars = self._copy_sidecars(one, measures)
            etag = self._copy(one, measures) if one.publish == "staged" else self._confirm_in_place(one)
        except CopyDiffersError as error:
            return self._quarantine(one, "CopyDiffers", str(error))
        except TargetOccupied as error:
            return self._quarantine(one, CODE, str(error))
        except (oss2.exceptions.OssError, requests.exceptions.RequestException) as error:
            # RequestException: oss2 doesn't wrap what happens while it reads an answer.
            return self._on_error(one, error)
        self.breaker.record_success()
        # A rendition that was written in place has the tags that the service gave it.
        tags = self._tags(one) if one.publish == "staged" else None
        row = _rendition_row(one, measures, etag, sidecars, tags)
        with self._catalogue.write() as connection, one_row(connection):
            replaced = renditions.publish(connection, one, row)
        if replaced is None:
            return self._supersede(one)
        self._replaced_sidecars.add(replaced)
        return State.PUBLISHED

    def clear(self, batch_id: int, shard: int | None) -> None:
        """Remove the staged objects of what is over, and the sidecars of replaced renditions."""
        self._staged.clear(batch_id, shard)
        self._replaced_sidecars.remove()

    def _tags(self, one: Conversion) -> dict[str, str]:
        return rendition_tags(one, self._uid)

    def _is_newest(self, one: Conversion) -> bool:
        with self._catalogue.read() as connection:
            return bool(connection.scalar(sa.select(conversion.c.newest).where(conversion.c.id == one.id)))

    def _is_replaced(self, one: Conversion) -> bool:
        with self._catalogue.read() as connection:
            return renditions.is_replaced(connection, one)

    def _copy(self, one: Conversion, measures: Measures) -> str:
        """Copy the bytes that were verified, with content type and tags. Returns the new ETag."""
        bucket = self._settings.bucket(one.target_bucket, session=self._session)
        new_headers = {"Content-Type": _format(one).content_type, **tagging(self._tags(one))}
        verified = Source(*_staged(one), str(one.output_etag), one.output_size or 0, measures.crc64)
        if verified.size > part_copy.LIMIT:
            record = self._uploads.record_of(one)
            return self._final_keys.write(
                one.target_bucket,
                one.target_key,
                lambda condition: copy_in_parts(bucket, verified, one.target_key, new_headers, record, condition),
            )
        headers = {
            **new_headers,
            "x-oss-metadata-directive": "REPLACE",
            "x-oss-tagging-directive": "Replace",
            "x-oss-copy-source-if-match": f'"{one.output_etag}"',
        }

        def copy(condition: Mapping[str, str]) -> str:
            copied = bucket.copy_object(*_staged(one), one.target_key, headers={**headers, **condition})
            # oss2 leaves the answer unread, and a connection with an unread answer can't be used again.
            copied.resp.read()
            return str(copied.etag).strip('"')

        return self._final_keys.write(one.target_bucket, one.target_key, copy, pauses=retry.PAUSES)

    def _copy_sidecars(self, one: Conversion, measures: Measures) -> dict[str, str]:
        """Copy waveform and picture next to the final key, unless they are there. Returns their addresses by kind."""
        bucket = self._settings.bucket(one.target_bucket, session=self._session)
        headers = {"x-oss-tagging-directive": "Replace", **tagging(sidecar_tags(one, self._uid))}
        addresses = {}
        if measures.side and one.publish == "staged":
            # Where the rendition can't stand, they don't, either.
            self._final_keys.refuse_occupied(one.target_bucket, one.target_key)
        for kind, staged in measures.side.items():
            key = final_sidecar_key(one.target_key, staged)
            if (one.output_bucket, staged) != (one.target_bucket, key):

                def copy(condition: Mapping[str, str], staged: str = staged, key: str = key) -> None:
                    bucket.copy_object(one.output_bucket, staged, key, headers={**headers, **condition}).resp.read()

                self._final_keys.write(one.target_bucket, key, copy, pauses=retry.PAUSES)
            addresses[str(kind)] = f"oss://{one.target_bucket}/{key}"
        return addresses

    def _confirm_in_place(self, one: Conversion) -> str:
        """Check that an output at its final key still has the bytes that were verified. Returns its ETag."""
        bucket = self._settings.bucket(one.target_bucket, session=self._session)
        head = bucket.head_object(one.target_key, headers={"If-Match": f'"{one.output_etag}"'})
        return str(head.etag).strip('"')

    def _on_error(self, one: Conversion, error: Any) -> State:
        """An error that is the object's own ends the conversion; any other leaves it for the next try of the step."""
        about_it = is_object_error(error)
        if about_it and not self._is_newest(one):
            return self._supersede(one)
        # NoSuchUpload: another publisher of the same rendition ended this copy in parts. The next try decides.
        if not about_it or error.code == "NoSuchUpload":
            self.breaker.record_failure(error)
            return State.VERIFIED
        output = f"oss://{one.output_bucket}/{one.output_key}"
        if error.status in {404, 412}:
            return self._quarantine(one, "OutputChanged", f"{output} is gone or changed since it was verified")
        code = error.code or f"HTTP {error.status}"
        return self._quarantine(one, code, f"OSS refuses to publish {output}: {error.message or 'no reason given'}")

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


def _rendition_row(
    one: Conversion, measures: Measures, etag: str, sidecars: Mapping[str, str], tags: Mapping[str, str] | None
) -> dict[str, Any]:
    """The rendition's row, by column: `etag` is that of the object at its final key, `sidecars` addresses by kind."""
    probe, decoded = measures.probe, measures.decoded()
    counted = decoded is not None and decoded.samples > 0
    return {
        "bucket": one.target_bucket,
        "key": one.target_key,
        "conversion_id": one.id,
        "source_id": one.source_id,
        "source_bucket": one.bucket,
        "source_key": one.key,
        "profile": one.profile,
        "container": probe.container,
        "codec": probe.codec,
        # An opus file decodes at 48,000 Hz whatever it was made from: OpusHead has the rate that was asked for.
        "sample_rate": probe.opus_input_rate or probe.sample_rate,
        "channels": probe.channels,
        "bits_per_sample": probe.bits_per_sample,
        "bitrate": probe.bitrate,
        "duration": decoded.duration if decoded and counted else probe.duration,
        "duration_exact": counted,
        "samples": decoded.samples if decoded else None,
        "size": one.output_size,
        "etag": etag,
        "crc64": measures.crc64,
        "content_type": _format(one).content_type,
        "tags": tags,
        "verification": measures.depth,
        "loudness_lufs": decoded.integrated if decoded else None,
        "loudness_range_lu": decoded.loudness_range if decoded else None,
        "true_peak_dbtp": decoded.true_peak if decoded else None,
        "sample_peak_dbfs": decoded.sample_peak if decoded else None,
        "silence_head": decoded.silence_head if decoded else None,
        "silence_tail": decoded.silence_tail if decoded else None,
        "bandwidth": decoded.bandwidth if decoded else None,
        "waveform": measures.waveform,
        "waveform_uri": sidecars.get("waveform"),
        "picture_uri": sidecars.get("picture"),
        "published_at": now(),
    }


def _staged(one: Conversion) -> tuple[str, str]:
    """Bucket and key of the verified output."""
    return one.output_bucket or one.target_bucket, one.output_key or one.target_key


def _format(one: Conversion) -> AudioFormat:
    return FORMATS[AudioConvert.parse(one.process).f]
