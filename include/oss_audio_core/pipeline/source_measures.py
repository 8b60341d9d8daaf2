"""Measures of a source: read once for all its renditions, and valid while its content is the planned one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import sources
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.sources import KnownSource
from oss_audio_core.oss.sdk import load_oss2
from oss_audio_core.pipeline.fetching import Listed, Reader
from oss_audio_core.pipeline.scratch_file import scratch_file
from oss_audio_core.verification import Inspection, Probe, UnreadableAudio, inspect, probe
from oss_audio_core.verification.file_tags import file_tags
from oss_audio_core.verification.source_damage import source_notes


class SourceMoved(Exception):
    """The source is not what was planned any more; the message says how."""


@dataclass(frozen=True, kw_only=True)
class SourceMeasures:
    """One content of a source.

    Attributes:
        probe: headers and packets.
        inspection: what decoding it found; None: it was not decoded.
        crc64: CRC-64/XZ in decimal; None: OSS has none.
        tags: of the file; None: all measures were stored by an earlier batch.
    """

    probe: Probe
    inspection: Inspection | None
    crc64: str | None
    tags: Mapping[str, str] | None = None

    @property
    def measured(self) -> Inspection | Probe:
        """What renditions are compared with; packets alone where a strict decode doesn't reach the end."""
        found = self.inspection
        return self.probe if found is None or found.decode_error or found.stopped else found

    @classmethod
    def from_known(cls, known: KnownSource) -> SourceMeasures:
        """The measures that an earlier batch stored."""
        inspection = None if known.inspection is None else Inspection.from_json(known.inspection)
        return cls(probe=Probe.from_json(known.probe), inspection=inspection, crc64=known.crc64)

    def store(self, connection: Connection, source_id: int) -> None:
        """Store it with its source, if it is new."""
        if self.tags is not None:
            inspection = None if self.inspection is None else self.inspection.to_json()
            sources.describe(
                connection,
                source_id,
                probe=self.probe.to_json(),
                inspection=inspection,
                tags=self.tags,
                crc64=self.crc64,
                notes=source_notes(self.probe, self.inspection),
            )


def measure_source(
    reader: Reader, one: Conversion, known: KnownSource | None, listed: Listed | None, *, decoded: bool
) -> SourceMeasures:
    """Measure the source of a conversion, from stored measures or by reading it once.

    Args:
        reader: reads objects.
        one: the conversion.
        reader: reads the source.
        one: a conversion of it.
        known: what earlier batches measured.
        listed: the object as it stands now; needed only where something is known.
        decoded: whether a decode of it is wanted.

    Raises:
        SourceMoved: it was removed, or its content is another one.
        UnreadableAudio: it holds no audio.
        oss2.exceptions.OssError, requests.RequestException: reading failed.
        ScratchSpaceError: the folder for temporary files is full.
    """
    import oss2

    etag = one.etag
    try:
        if known is not None:
            etag = _current_etag(reader, one, known, listed)
            measures = SourceMeasures.from_known(known)
            # Earlier versions took the packets' times for the length, and tags behind an mp3 for damage.
            if measures.probe.lengths is not None and (not decoded or measures.inspection is not None):
                return measures
        return _read(reader, one, etag, decoded)
    except oss2.exceptions.NotFound:
        raise _removed(one) from None
    except oss2.exceptions.PreconditionFailed:
        raise _changed(one) from None


def _current_etag(reader: Reader, one: Conversion, known: KnownSource, listed: Listed | None) -> str:
    """The ETag that the source has now: another one where the same bytes were written again."""
    if listed is None:
        raise _removed(one)
    if listed.etag == one.etag:
        return one.etag
    if listed.size == one.source_size and known.crc64 is not None:
        head = reader.bucket(one.bucket).head_object(one.key, headers={"If-Match": f'"{listed.etag}"'})
        if str(head.server_crc) == known.crc64:
            return listed.etag
    raise _changed(one)


def _read(reader: Reader, one: Conversion, etag: str, decoded: bool) -> SourceMeasures:
    name = f"the source oss://{one.bucket}/{one.key}"
    with scratch_file(name, one.source_size) as file:
        fetched = reader.fetch(one.bucket, one.key, file, etag=etag)
        if not fetched.whole:
            raise load_oss2().exceptions.InconsistentError(f"{name} arrives with another CRC-64 than OSS tells")
        try:
            inspection = (
                inspect(file, name, loudness=False, true_peak=False, waveform=False, follows_changes=True)
                if decoded
                else None
            )
        except UnreadableAudio:
            inspection = None
        clean = inspection is not None and not inspection.decode_error and not inspection.stopped
        found = inspection.probe if inspection is not None and clean else probe(file, name)
        tags = file_tags(file, name)
    return SourceMeasures(probe=found, inspection=inspection, crc64=fetched.crc64, tags=tags)


def _removed(one: Conversion) -> SourceMoved:
    return SourceMoved(f"the source was removed after it was planned (ETag {one.etag})")


def _changed(one: Conversion) -> SourceMoved:
    return SourceMoved(f"the source changed after it was planned (ETag {one.etag})")
