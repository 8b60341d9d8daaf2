"""Measuring one output: a probe of its two ends where that is enough, else a full decode."""

from __future__ import annotations

from dataclasses import dataclass, replace

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.audio_convert.verify_policy import Depth
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.pipeline.fetching import Reader
from oss_audio_core.pipeline.measures import Measures
from oss_audio_core.pipeline.scratch_file import scratch_file
from oss_audio_core.pipeline.source_measures import SourceMeasures
from oss_audio_core.pipeline.verification_work import Output
from oss_audio_core.verification import (
    Inspection,
    Probe,
    UnreadableAudio,
    Verdict,
    decode_limits,
    inspect,
    may_decide,
    probe_remote,
    verify,
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One measurement of an output; `measures` without sidecars. `etag` is that of the bytes."""

    etag: str
    verdict: Verdict
    measures: Measures
    inspection: Inspection | None = None


def measure_output(reader: Reader, output: Output, source: SourceMeasures) -> Measured:
    """Measure an output as its policy asks; what a probe can't decide is decoded.

    Raises:
        UnreadableAudio: it holds no audio.
        oss2.exceptions.OssError, requests.RequestException: reading failed.
        ScratchSpaceError: the folder for temporary files is full.
    """
    import oss2

    # Where a probe can't decide, its requests are saved.
    if output.depth == "probe" and may_decide(AudioConvert.parse(output.one.process).f, output.size):
        try:
            found = _probe(reader, output, source)
            if found.verdict.decision != "undecided":
                return found
        except (UnreadableAudio, oss2.exceptions.PreconditionFailed):
            # A head full of tags has no audio in it yet; or the object was overwritten between the two reads.
            pass
    return _decode(reader, output, source)


def _probe(reader: Reader, output: Output, source: SourceMeasures) -> Measured:
    one = output.one
    ranges = reader.in_ranges(_bucket(one), one.output_key or one.target_key)
    found = probe_remote(ranges, _name(one), output.size)
    verdict = verify(AudioConvert.parse(one.process), source.measured, found)
    measures = _measures(output, "probe", found.probe, ranges.crc64, ranges.content_type)
    return Measured(etag=ranges.etag, verdict=verdict, measures=measures)


def _decode(reader: Reader, output: Output, source: SourceMeasures) -> Measured:
    one, policy = output.one, output.policy
    convert = AudioConvert.parse(one.process)
    with scratch_file(_name(one), output.size) as file:
        fetched = reader.fetch(_bucket(one), one.output_key or one.target_key, file)
        found = inspect(
            file,
            _name(one),
            loudness=policy.loudness,
            true_peak=policy.true_peak,
            waveform=policy.waveform != "off",
            picture=policy.picture,
            limits=decode_limits(convert, source.measured),
        )
    verdict = verify(convert, source.measured, found, stored=fetched.stored)
    measures = _measures(output, "decode", found.probe, fetched.crc64, fetched.content_type, found)
    return Measured(etag=fetched.etag, verdict=verdict, measures=measures, inspection=found)


def _measures(
    output: Output,
    depth: Depth,
    probe: Probe,
    crc64: str | None,
    content_type: str | None,
    found: Inspection | None = None,
) -> Measures:
    return Measures(
        depth=depth,
        policy=output.policy.policy,
        probe=probe,
        inspection=None if found is None else replace(found, outline=None).to_json(),
        crc64=crc64,
        content_type=content_type,
        waveform=found.waveform if found is not None and output.policy.waveform == "catalogue" else None,
        side={},
    )


def _bucket(one: Conversion) -> str:
    return one.output_bucket or one.target_bucket


def _name(one: Conversion) -> str:
    return f"oss://{_bucket(one)}/{one.output_key}"
