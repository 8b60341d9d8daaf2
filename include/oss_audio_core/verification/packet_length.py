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

from oss_audio_core.verification.length_estimates import LengthEstimates
from oss_audio_core.verification.stray_packets import StrayPackets

_COUNTS_SAMPLES = frozenset(
    {"wav", "w64", "aiff", "au", "caf", "mp3", "aac", "flac", "ogg", "ac3", "eac3", "amr", "mov", "tta", "wv"}
)
"""Containers whose timestamps are fine enough to count samples; others count ms or frames."""

_CODED_BY_SAMPLE = ("pcm_", "flac")
"""Codecs, by the beginning of their names, whose last packet holds no more samples than there are."""

_COUNTED = frozenset({("ogg", "opus"), ("mov", "alac")})
"""Demuxers and codecs of which the container counts the samples of the last packet."""

_FRAMES_ALONE = frozenset({"mp3", "ac3", "eac3", "amr", "tta", "wv"})
"""Demuxers of files in which every frame counts whole, or says itself how much of it counts."""

_TELLS_LENGTH = frozenset({"wav", "w64", "aiff", "au", "caf", "mov", "flac", "asf", "tta", "wv", "ape", "dsf"})
"""Demuxers that read a stream's length from a header. Those of raw frames guess one from the bitrate."""

_NEVER_SKIPS = frozenset({"wav", "w64", "aiff", "au", "aac", "flac", "ac3", "eac3", "amr"})
"""Demuxers of formats without a place for the encoder's delay; to ask each packet would cost as much as to count it."""

_ROUNDS_EACH_PACKET = {"ac3": 256, "eac3": 256}
"""Demuxers whose clock (90 kHz) can't tell a frame's length: at 44.1 kHz a tenth of a second is lost in ten minutes.
Their frames are whole blocks of so many samples."""

_BLOCKS_OF_A_FRAME = 6
"""Of these demuxers; a file of one frame alone has no duration at all for FFmpeg."""

_TRIMS_LAST_PACKET = frozenset({"ogg", "mov"})
"""Demuxers that shorten the last packet's duration by the padding, and mark the padding as well."""


_PAUSE = 10.0
"""Seconds of a pause between two packets at most; what is longer is a clock that starts anew, also for FFmpeg."""

_JITTER = 0.1
"""Seconds by which a container's coarse times may be off, beyond a packet."""


@dataclass(frozen=True)
class PacketLength:
    """What the packets of one stream add up to.

    `duration` and `uncertainty` in seconds; `payload` in bytes, without the container; `gapless` is
    whether the file tells the encoder's delay; `read_error` is why reading stopped early, if it did;
    `estimates` is where `duration` comes from, and what else it could be; None: not all packets were read.
    """

    packets: int
    payload: int
    duration: float
    uncertainty: float
    gapless: bool
    read_error: str | None
    estimates: LengthEstimates | None = None


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
        self._without_duration = 0
        self._first_pts: int | None = None
        self._end_pts: int | None = None
        self._delay = self._at_start = self._padding = 0
        self._restarts = self._gaps = 0
        self._jitter = int(_JITTER / self._time_base)
        self._pause = int(_PAUSE / self._time_base)
        self._block = _ROUNDS_EACH_PACKET.get(_kind(container), 0)
        self._blocks = 0
        self._may_skip = _kind(container) not in _NEVER_SKIPS

    def add(self, packet: Packet[AudioStream]) -> None:
        """Count one packet that has audio."""
        self._packets += 1
        self._payload += packet.size
        ticks = _signed(packet.duration or 0)
        self._ticks += ticks
        if ticks > self._longest:
            self._longest = ticks
        elif not ticks:
            self._without_duration += 1
        if self._block:
            blocks = round(ticks * self._time_base * self._stream.codec_context.sample_rate / self._block)
            self._blocks += blocks or _BLOCKS_OF_A_FRAME
        pts = packet.pts
        if pts is not None:
            if self._end_pts is None:
                self._first_pts = pts
            else:
                self._compare_times(pts - self._end_pts)
            self._end_pts = pts + ticks
        if self._may_skip and packet.has_sidedata("skip_samples"):
            at_start, at_end = _skipped_samples(packet)
            self._delay = self._delay or at_start
            self._at_start += at_start
            # LAME's padding may reach over two packets.
            self._padding += at_end

    def _compare_times(self, ahead: int) -> None:
        """`ahead`: ticks by which a packet begins after the one before it ended."""
        if -self._longest - self._jitter <= ahead <= self._longest + self._jitter:
            return
        if 0 < ahead <= self._pause:
            self._gaps += ahead
        else:
            self._restarts += 1

    def length(self, read_error: str | None) -> PacketLength:
        """What all of them add up to; `read_error` is why reading stopped early, if it did."""
        estimates = self._estimates()
        believed = estimates.timestamps
        if self._restarts and estimates.packets is not None:
            believed = estimates.packets
        exact = not self._restarts and _is_sample_exact(self._container, self._stream)
        return PacketLength(
            packets=self._packets,
            payload=self._payload,
            duration=believed,
            uncertainty=0.0 if exact else float((self._longest + 1) * self._time_base),
            gapless=bool(self._delay) or (self._first_pts is not None and self._first_pts < 0),
            read_error=read_error,
            estimates=estimates,
        )

    def _estimates(self) -> LengthEstimates:
        sample = Fraction(1, self._stream.codec_context.sample_rate)
        padding = 0 if _kind(self._container) in _TRIMS_LAST_PACKET else self._padding
        total = self._blocks * self._block * sample if self._block else self._ticks * self._time_base
        # The last packet of Vorbis may be trimmed to nothing.
        sums_up = self._without_duration <= 1 and (self._block or self._time_base <= sample)
        by_packets = total - (self._at_start + padding) * sample
        if self._block or self._first_pts is None or self._end_pts is None:
            by_times = total
        else:
            # A negative first timestamp is the delay, already outside the timeline; a positive one is an offset.
            by_times = (self._end_pts - max(self._first_pts, 0)) * self._time_base
            by_times -= max(self._delay * sample - max(-self._first_pts, 0) * self._time_base, Fraction(0))
            by_times -= padding * sample
        return LengthEstimates(
            timestamps=max(float(by_times), 0.0),
            packets=max(float(by_packets), 0.0) if sums_up else None,
            header=_header_seconds(self._container, self._stream),
            delay=float(self._at_start * sample),
            padding=float(self._padding * sample),
            longest_packet=float(self._longest * self._time_base),
            restarts=self._restarts,
            gaps=float(self._gaps * self._time_base),
        )


def measure_packets(container: InputContainer, stream: AudioStream) -> PacketLength:
    """Read every packet of `stream` and decode none."""
    tally, strays = PacketTally(container, stream), StrayPackets(container, stream)
    read_error: str | None = None
    try:
        for packet in container.demux(stream):
            if strays.has_audio(packet):
                tally.add(packet)
    except av.FFmpegError as error:
        read_error = error.strerror
    return tally.length(read_error)


def _kind(container: InputContainer) -> str:
    return container.format.name.split(",")[0]


def _is_sample_exact(container: InputContainer, stream: AudioStream) -> bool:
    """Whether the packets alone tell the length to the sample."""
    kind, codec = _kind(container), stream.codec_context.codec.canonical_name
    if kind not in _COUNTS_SAMPLES:
        return False
    # Half of the last block may be filled, or a decoder leaves out the first one, as of Vorbis and of AAC. Decoders
    # also differ in whether they drop the padding that an edit list hides: FFmpeg 6 keeps it, 8 does not.
    return kind in _FRAMES_ALONE or codec.startswith(_CODED_BY_SAMPLE) or (kind, codec) in _COUNTED


def _header_seconds(container: InputContainer, stream: AudioStream) -> float | None:
    if stream.duration is None or stream.time_base is None or _kind(container) not in _TELLS_LENGTH:
        return None
    return max(float(stream.duration * stream.time_base), 0.0)


def _signed(ticks: int) -> int:
    """A last Vorbis packet trimmed to less than nothing is reported as an unsigned number of 32 bits."""
    return ticks - 2**32 if ticks >= 2**31 else ticks


def _skipped_samples(packet: Packet[AudioStream]) -> tuple[int, int]:
    """Samples to leave out at the start and at the end (FFmpeg's AV_PKT_DATA_SKIP_SAMPLES)."""
    at_start, at_end = struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples")))
    return at_start, at_end
