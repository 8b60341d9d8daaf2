"""`probe`: headers and packets of an audio file; durations are measured, not taken from headers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import InputContainer

from oss_audio_core.verification.declared_length import declared_duration, is_all_that_is_counted
from oss_audio_core.verification.decoder_boundary import decoder_boundary
from oss_audio_core.verification.errors import UnreadableAudio
from oss_audio_core.verification.guarded_open import open_container
from oss_audio_core.verification.length_estimates import LengthEstimates
from oss_audio_core.verification.ogg_end import ogg_end_error
from oss_audio_core.verification.packet_length import PacketLength, measure_packets
from oss_audio_core.verification.stored_fields import known_fields, stored_form

_PCM_BITS = re.compile(r"pcm_[suf](\d+)", re.ASCII)
_STREAMINFO_BYTES = 34


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The first audio stream of a file.

    Attributes:
        container: FFmpeg's name of the demuxer.
        codec: FFmpeg's name of the codec; `amr_nb` and `amr_wb` are two.
        sample_rate: Hz at which it decodes (opus: always 48,000).
        channels: their number.
        duration: seconds, from the packets.
        duration_uncertainty: seconds by which a decoder may differ where timestamps are coarse or padding is hidden.
        declared_duration: seconds that the header declares; None: it declares none.
        gapless: whether the file states the encoder's delay; `duration` is then without it.
        bitrate: bit/s of the audio, without the container.
        size: bytes of the file.
        packets: their number; 0 where not all were read.
        bits_per_sample: of flac and PCM, else None.
        opus_input_rate: Hz, from OpusHead.
        read_error: why the packets ended early; None: they did not.
        duration_is_estimate: not all packets were read, and the file does not state their number.
        lengths: where `duration` comes from, and what else it could be; None: not all packets were read, or an earlier
            version measured it.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    duration: float
    duration_uncertainty: float
    declared_duration: float | None
    gapless: bool
    bitrate: int
    size: int
    packets: int
    bits_per_sample: int | None
    opus_input_rate: int | None
    read_error: str | None
    duration_is_estimate: bool = False
    lengths: LengthEstimates | None = None

    def to_json(self) -> dict[str, Any]:
        """For the catalogue."""
        return stored_form(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Probe:
        """What `to_json` gave, also that of an earlier version."""
        lengths = stored.get("lengths")
        known = {**known_fields(cls, stored), "lengths": lengths and LengthEstimates.from_json(lengths)}
        return cls(**known)


@decoder_boundary
def probe(source: str | os.PathLike[str] | BinaryIO, name: str | None = None) -> Probe:
    """Measure the first audio stream of a local file, or of an open seekable binary file.

    `name` stands for the file in errors (default: its path). Every packet is read, nothing is decoded:
    below 1 ms for a short clip, about 10 ms per minute of audio. Only known audio containers are opened, and
    nothing but the file itself is read.

    Errors of the file itself (it is missing) pass through.

    Raises:
        UnreadableAudio: there is no audio to measure: an empty file, text, noise, no audio stream, a header without
            packets.
    """
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            return _probe_open(file, name or os.fspath(source))
    return _probe_open(source, name or str(getattr(source, "name", "the file")))


def _probe_open(file: BinaryIO, label: str) -> Probe:
    with open_container(file, label) as container:
        return _measure(container, file, label)


def _measure(container: InputContainer, file: BinaryIO, label: str) -> Probe:
    stream = first_audio(container, label)
    length = measure_packets(container, stream)
    require_audio(length, label)
    return as_probe(container, stream, length, file)


def first_audio(container: InputContainer, label: str) -> AudioStream:
    """The first audio stream.

    Raises:
        UnreadableAudio: there is none that could be decoded.
    """
    if not container.streams.audio:
        raise UnreadableAudio(label, f"no audio stream in this {container.format.name} file")
    stream: AudioStream = container.streams.audio[0]
    context = stream.codec_context
    if context is None:
        raise UnreadableAudio(label, "its codec is not known")
    # FFmpeg detects noise as mp3 with a sample rate of 0.
    if context.sample_rate <= 0 or context.channels <= 0:
        raise UnreadableAudio(label, "no audio frame in it (sample rate 0)")
    return stream


def require_audio(length: PacketLength, label: str) -> None:
    """Raise `UnreadableAudio` when there were no packets."""
    if not length.packets or not length.duration:
        raise UnreadableAudio(label, "a header, but no audio after it")


def as_probe(container: InputContainer, stream: AudioStream, length: PacketLength, file: BinaryIO) -> Probe:
    """The headers and the packets together."""
    context = stream.codec_context
    return Probe(
        container=container.format.name,
        codec=context.codec.canonical_name,
        sample_rate=context.sample_rate,
        channels=context.channels,
        duration=length.duration,
        duration_uncertainty=length.uncertainty,
        declared_duration=declared_duration(container, stream, file, length.duration),
        gapless=length.gapless,
        bitrate=round(length.payload * 8 / length.duration) if length.duration else 0,
        size=file.seek(0, os.SEEK_END),
        packets=length.packets,
        bits_per_sample=_bits_per_sample(context),
        opus_input_rate=_opus_input_rate(context),
        read_error=None
        if is_all_that_is_counted(container, stream, length.duration)
        else _read_error(container, length, file),
        lengths=length.estimates,
    )


def _read_error(container: InputContainer, length: PacketLength, file: BinaryIO) -> str | None:
    """Why the packets ended early; of an Ogg file whose packets were read also what demuxers pass over at its end."""
    if length.read_error is None and length.packets and container.format.name == "ogg":
        return ogg_end_error(file)
    return length.read_error


def _bits_per_sample(context: AudioCodecContext) -> int | None:
    codec = context.codec.canonical_name
    if matched := _PCM_BITS.match(codec):
        return int(matched.group(1))
    header = context.extradata or b""
    if codec == "flac" and len(header) >= _STREAMINFO_BYTES:
        # STREAMINFO: after 10 bytes come 20 bits of rate, 3 of channels - 1, 5 of bits per sample - 1.
        return (int.from_bytes(header[10:14], "big") >> 4 & 0x1F) + 1
    return None


def _opus_input_rate(context: AudioCodecContext) -> int | None:
    header = context.extradata or b""
    if context.codec.canonical_name != "opus" or not header.startswith(b"OpusHead") or len(header) < 16:
        return None
    return int.from_bytes(header[12:16], "little")
