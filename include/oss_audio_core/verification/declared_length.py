"""The duration that a file's header declares, of a file that PyAV has open. A file that is shorter is truncated."""

from __future__ import annotations

from fractions import Fraction
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer

from oss_audio_core.audio_convert.containers.declared_length import COUNTS_SAMPLES, DemuxerLengths, declared_seconds

_MICROSECONDS = 1_000_000


def declared_duration(container: InputContainer, stream: AudioStream, file: BinaryIO, available: float) -> float | None:
    """Seconds that the header declares; None where it declares nothing reliable.

    Args:
        container: of the file.
        stream: its audio.
        file: the same file; its position is moved.
        available: seconds of audio that the file has.
    """
    return declared_seconds(file, container.format.name, _lengths(container, stream), available)


def is_all_that_is_counted(container: InputContainer, stream: AudioStream, available: float) -> bool:
    """Whether a file has every sample that its header counts: an error behind them concerns no audio, but tags.

    Args:
        container: of the file.
        stream: its audio.
        available: seconds of audio that the file has.
    """
    counted = _lengths(container, stream).stream
    return container.format.name.split(",")[0] in COUNTS_SAMPLES and counted is not None and available >= counted > 0


def _lengths(container: InputContainer, stream: AudioStream) -> DemuxerLengths:
    time_base = stream.time_base or Fraction(0)
    return DemuxerLengths(
        stream=None if stream.duration is None else float(stream.duration * time_base),
        file=None if container.duration is None or len(container.streams) > 1 else container.duration / _MICROSECONDS,
        begins=float((stream.start_time or 0) * time_base),
    )
