"""The duration that a file's header declares. A file that is shorter is truncated.

Only some containers declare a length. For the others (aac, amr, ac3, ogg, transport streams) FFmpeg reports a guess
from the bitrate or the last packet.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer

from oss_audio_core.audio_convert.containers.mp3_header import counts_its_frames
from oss_audio_core.audio_convert.containers.wave_chunks import wave_chunks

_STATES_ITS_LENGTH = frozenset({"aiff", "au", "flac", "mov", "matroska", "flv", "tta", "wv"})
_UNKNOWN_SIZE = 0xFFFFFFFF


def declared_duration(container: InputContainer, stream: AudioStream, file: BinaryIO) -> float | None:
    """Seconds that the header declares; None where it declares nothing reliable. Moves the position of `file`."""
    kind = container.format.name.split(",")[0]
    if kind == "wav":
        return _wav_duration(file)
    if kind not in _STATES_ITS_LENGTH and not (kind == "mp3" and counts_its_frames(file)):
        return None
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # The length of the whole file is the audio's only where there is nothing but one audio stream.
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / 1_000_000
    return None


def _wav_duration(file: BinaryIO) -> float | None:
    """From the chunks: FFmpeg clips the length to the file's, and so hides a truncation."""
    byte_rate = 0
    for chunk in wave_chunks(file):
        if chunk.name == b"data":
            # A writer that could not seek back leaves 0 or all ones, which declares nothing.
            return chunk.length / byte_rate if chunk.length not in {0, _UNKNOWN_SIZE} and byte_rate else None
        if chunk.name == b"fmt " and len(fields := file.read(12)) == 12:
            byte_rate = struct.unpack_from("<I", fields, 8)[0]
    return None
