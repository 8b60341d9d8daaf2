"""The true length of the audio in a file, from its packets and without decoding.

Headers of aac and amr are wrong by seconds and those of mp3 and flac survive a truncation, so the packets are
read. The encoder's delay and padding, which a player leaves out, are left out here too where the file tells
them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard

_SAMPLE_EXACT = frozenset(
    {"wav", "w64", "aiff", "au", "caf", "mp3", "aac", "flac", "ogg", "ac3", "eac3", "amr", "mov", "tta", "wv"}
)
"""Containers whose timestamps are fine enough to count samples; others count ms or frames."""

_EXACT_CODECS = ("pcm_", "flac", "alac")

_NEVER_SKIPS = frozenset({"wav", "w64", "aiff", "au", "aac", "flac", "ac3", "eac3", "amr"})
"""Demuxers of formats without a place for the encoder's delay; to ask each packet would cost as much as to count it."""

_ROUNDS_EACH_PACKET = {"ac3": 256, "eac3": 256}
"""Demuxers whose clock (90 kHz) can't tell a frame's length: at 44.1 kHz a tenth of a second is lost in ten minutes.
Their frames are whole blocks of so many samples."""

_TRIMS_LAST_PACKET = frozenset({"ogg", "mov"})
"""Demuxers that shorten the last packet's duration by the padding, and mark the padding as well."""


@dataclass(frozen=True)
class PacketLength:
    """What the packets of one stream add up to.

    `duration` and `uncertainty` in seconds; `payload` in bytes, without the container; `gapless` is
    whether the file tells the encoder's delay; `read_error` is why reading stopped early, if it did.
    """

    packets: int
    payload: int
    duration: float
    uncertainty: float
    gapless: bool
    read_error: str | None


class PacketTally:
    """Adds up the packets of one stream as they are read; those of other streams are not even given out."""

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        self._container = container
        self._stream = stream
        self._time_base = stream.time_base or Fraction(1, stream.codec_context.sample_rate)
        self._packets = self._payload = self._ticks = self._longest = 0
        self._first_pts: int | None = None
        self._end_pts: int | None = None
        self._delay = self._padding = 0
        self._block = _ROUNDS_EACH_PACKET.get(_kind(container), 0)
        self._blocks = 0
        self._may_skip = _kind(container) not in _NEVER_SKIPS

    def add(self, packet: Packet[AudioStream]) -> None:
        """Count one packet that is not empty."""
        self._packets += 1
        self._payload += packet.size
        ticks = _signed(packet.duration or 0)
        self._ticks += ticks
        self._longest = max(self._longest, ticks)
        if self._block:
            self._blocks += round(ticks * self._time_base * self._stream.codec_context.sample_rate / self._block)
        if packet.pts is not None:
            self._first_pts = packet.pts if self._first_pts is None else self._first_pts
            self._end_pts = packet.pts + ticks
        if self._may_skip and packet.has_sidedata("skip_samples"):
            at_start, at_end = _skipped_samples(packet)
            self._delay, self._padding = self._delay or at_start, at_end

    def length(self, read_error: str | None) -> PacketLength:
        """What all of them add up to; `read_error` is why reading stopped early, if it did."""
        sample = Fraction(1, self._stream.codec_context.sample_rate)
        if self._block:
            duration = self._blocks * self._block * sample
        elif self._first_pts is None or self._end_pts is None:
            duration = self._ticks * self._time_base
        else:
            # A negative first timestamp is the delay, already outside the timeline; a positive one is an offset.
            duration = (self._end_pts - max(self._first_pts, 0)) * self._time_base
            duration -= max(self._delay * sample - max(-self._first_pts, 0) * self._time_base, Fraction(0))
        if _kind(self._container) not in _TRIMS_LAST_PACKET:
            duration -= self._padding * sample
        exact = _is_sample_exact(self._container, self._stream)
        return PacketLength(
            packets=self._packets,
            payload=self._payload,
            duration=max(float(duration), 0.0),
            uncertainty=0.0 if exact else float((self._longest + 1) * self._time_base),
            gapless=bool(self._delay) or (self._first_pts is not None and self._first_pts < 0),
            read_error=read_error,
        )


def measure_packets(container: InputContainer, stream: AudioStream) -> PacketLength:
    """Read every packet of `stream` and decode none."""
    tally = PacketTally(container, stream)
    read_error: str | None = None
    try:
        for packet in container.demux(stream):
            if packet.size:
                tally.add(packet)
    except av.FFmpegError as error:
        read_error = error.strerror
    return tally.length(read_error)


def _kind(container: InputContainer) -> str:
    return container.format.name.split(",")[0]


def _is_sample_exact(container: InputContainer, stream: AudioStream) -> bool:
    kind = _kind(container)
    if kind == "mov":
        # Decoders differ in whether they drop the padding an edit list hides: FFmpeg 6 keeps it, 8 does not.
        return stream.codec_context.codec.canonical_name.startswith(_EXACT_CODECS)
    return kind in _SAMPLE_EXACT


def _signed(ticks: int) -> int:
    """A last Vorbis packet trimmed to less than nothing is reported as an unsigned number of 32 bits."""
    return ticks - 2**32 if ticks >= 2**31 else ticks


def _skipped_samples(packet: Packet[AudioStream]) -> tuple[int, int]:
    """Samples to leave out at the start and at the end (FFmpeg's AV_PKT_DATA_SKIP_SAMPLES)."""
    at_start, at_end = struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples")))
    return at_start, at_end
