"""What the catalogue says of a rendition that was published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.database import now
from oss_audio_core.pipeline.measures import Measures


def rendition_row(
    one: Conversion,
    measures: Measures,
    *,
    etag: str,
    content_type: str,
    tags: Mapping[str, str] | None,
    side: Mapping[str, str],
) -> dict[str, Any]:
    """The row of `rendition`, by column.

    Args:
        etag: of the object at its final key.
        content_type: of that object.
        tags: object tags that were set with it; None: it was written in place, with the tags the service gave it.
        side: `oss://…` of what stands beside it, by `waveform` and `picture`.
    """
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
        "content_type": content_type,
        "tags": tags,
        "verification": measures.depth,
        "loudness_lufs": decoded.integrated if decoded else None,
        "loudness_range_lu": decoded.loudness_range if decoded else None,
        "true_peak_dbtp": decoded.true_peak if decoded else None,
        "sample_peak_dbfs": decoded.sample_peak if decoded else None,
        "silence_head": decoded.silence_head if decoded else None,
        "silence_tail": decoded.silence_tail if decoded else None,
        "waveform": measures.waveform,
        "waveform_uri": side.get("waveform"),
        "picture_uri": side.get("picture"),
        "published_at": now(),
    }
