"""The length that a file's header declares: the one rule of verification and of the local cloud's engine.

A file that is shorter was cut off, and decoders don't tell. But not every number in a header is a promise. Where the
header counts audio data (bytes of a chunk, packets, pages), `PROMISES` has a reader for the container, and the length
is what is there, times what is promised, by what is there: no byte rate and no sample size is trusted for it. Where it
counts time or samples, a demuxer reads it. What is in neither table declares nothing: raw AAC, AMR and AC-3 have no
header, transport streams are cut anywhere by design, and their lengths are guesses from the bitrate or the last packet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from oss_audio_core.audio_convert.containers.aiff_chunks import aiff_promise
from oss_audio_core.audio_convert.containers.asf_objects import asf_promise
from oss_audio_core.audio_convert.containers.au_header import au_promise
from oss_audio_core.audio_convert.containers.avi_lists import avi_promise
from oss_audio_core.audio_convert.containers.core_audio_chunks import core_audio_promise
from oss_audio_core.audio_convert.containers.matroska_segment import matroska_promise
from oss_audio_core.audio_convert.containers.mp3_header import mp3_seconds
from oss_audio_core.audio_convert.containers.promise import Promise
from oss_audio_core.audio_convert.containers.wave64_chunks import wave64_promise
from oss_audio_core.audio_convert.containers.wave_chunks import wave_promise

TOLERATED_SECONDS = 0.1
"""By which a file may fall short of its header: a frame or two, where a writer counted them differently."""

PROMISES: Mapping[str, Callable[[BinaryIO], Promise | None]] = MappingProxyType(
    {
        "aiff": aiff_promise,
        "au": au_promise,
        "caf": core_audio_promise,
        "w64": wave64_promise,
        "wav": wave_promise,
    }
)
"""By FFmpeg's first name of the demuxer: what the header promises; None where it promises nothing."""

_SHARED: Mapping[str, Callable[[BinaryIO], Promise | None]] = MappingProxyType(
    {"asf": asf_promise, "avi": avi_promise, "matroska": matroska_promise}
)
"""The same for containers that hold video and pictures, too: of the bytes that are missing the audio has its share."""

COUNTS_SAMPLES = frozenset({"ape", "dsf", "flac", "tta", "wv"})
"""Demuxers of files with one stream and a header that counts all its samples."""

_COUNTS_STREAM = COUNTS_SAMPLES | {"mov"}
_COUNTS_FILE = frozenset({"flv", "matroska"})

HAS_TIMESTAMPS = _COUNTS_FILE | {"mov"}
"""Demuxers of files that count time, and whose packets may leave some out, as in silence (DTX)."""


class DemuxerLengths(NamedTuple):
    """What a demuxer says about the first audio stream, in seconds.

    Attributes:
        stream: its length; None where it says none.
        file: the length of the whole file; None where that has further streams, too.
        begins: its first timestamp.
    """

    stream: float | None = None
    file: float | None = None
    begins: float = 0.0


def declared_seconds(file: BinaryIO, container: str, lengths: DemuxerLengths, available: float) -> float | None:
    """The declared length in seconds; None where nothing reliable is declared.

    Args:
        file: seekable, at any position; the position is moved.
        container: FFmpeg's name of the demuxer, or its names with commas between.
        lengths: what the demuxer says.
        available: seconds of audio that the file has.
    """
    kind = container.split(",")[0]
    if kind in PROMISES:
        promise = PROMISES[kind](file)
        return available * promise.declared / promise.available if promise and promise.available else None
    counted = counted_seconds(file, container, lengths)
    shared = _SHARED[kind](file) if counted is None and kind in _SHARED else None
    if shared is not None and 0 < shared.available < shared.declared:
        return available * shared.declared / shared.available
    return counted


def counted_seconds(file: BinaryIO, container: str, lengths: DemuxerLengths) -> float | None:
    """`declared_seconds` of a container whose header counts time or samples; None of all others.

    Args:
        file: seekable, at any position; the position is moved.
        container: FFmpeg's name of the demuxer, or its names with commas between.
        lengths: what the demuxer says.
    """
    kind = container.split(",")[0]
    if kind == "mp3":
        return mp3_seconds(file)
    if kind in _COUNTS_FILE:
        # Its clock begins with the file, and the audio may begin later.
        return None if lengths.file is None else max(0.0, lengths.file - max(0.0, lengths.begins))
    return lengths.stream if kind in _COUNTS_STREAM else None
