"""Strict decoding of one audio stream into large blocks of floats, bounded in length and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from oss_audio_core.audio_convert.containers.declared_length import PROMISES
from oss_audio_core.verification.packet_length import PacketLength, PacketTally
from oss_audio_core.verification.stray_packets import StrayPackets

STRICT = "crccheck+bitstream+buffer+explode"
"""`err_detect` for demuxer and decoder: by default both pass over most damage in silence."""

_USUAL_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""What 1 to 8 channels are when the file doesn't say; the encoders take the same ones."""

_BLOCK_CONTAINERS = frozenset({"wav", "w64", "aiff", "au", "caf"})
"""Demuxers of data without packets of its own: it is cut into blocks, of which the last one may be half."""

PLANES = 8
"""From so many channels on a frame's planes are not read one by one; see `StrictDecoder._readable`."""

LARGEST = np.float32(2.0**24)
"""Full scale 1: 144 dB over, more than any headroom. What is beyond is damage, and its square would leave a float."""

Block = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When decoding is given up. A small file may hold hours (10 h of opus in 2.7 MB).

    `seconds` of audio, `wall_seconds` by the clock.
    """

    seconds: float = 24 * 3600.0
    wall_seconds: float = 1800.0


class StrictDecoder:
    """Reads and decodes everything there is of `stream`, once, and says why it stopped early.

    `on_packet` sees every packet, `on_frame` every frame as it was decoded. After `blocks` has ended:
    `samples` per channel, `channel_names` of the frames, `length` of the packets, `error` of decoder or
    demuxer with the second where it happened, `stopped`: the limit that ended it.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: AudioStream,
        limits: Limits,
        on_frame: Callable[[AudioFrame], None] | None = None,
        on_packet: Callable[[Packet[AudioStream]], None] | None = None,
        follows_changes: bool = False,
    ) -> None:
        self._container = container
        self._stream = stream
        self._limits = limits
        self._on_frame = on_frame
        self._on_packet = on_packet
        self._tally = PacketTally(container, stream)
        # There a packet is marked when the file ends within it, which is no damage where its header left the length
        # open; whether something is missing is the promise's to say.
        self._ends_by_promise = container.format.name in PROMISES
        self._strays = StrayPackets(container, stream)
        self._adapter = _Adapter() if follows_changes else None
        self._has_blocks = container.format.name in _BLOCK_CONTAINERS
        self._largest = 0
        self._stump: av.FFmpegError | None = None
        self._frames: list[npt.NDArray[Any]] = []
        self._waiting = 0
        self._shape: tuple[int, str, str] | None = None
        self._packer: AudioResampler | None = None
        self.channel_names: tuple[str, ...] = ()
        self.samples = 0
        self.error: str | None = None
        self.stopped: str | None = None
        context = stream.codec_context
        context.options = {"err_detect": STRICT}
        # One file is one thread's work: several files are verified side by side.
        context.thread_count = 1

    @property
    def sample_rate(self) -> int:
        """Hz, of the decoded frames."""
        return self._shape[0] if self._shape else self._stream.codec_context.sample_rate

    @property
    def layout(self) -> str:
        """FFmpeg's name of the channel layout of the decoded frames; empty before the first one."""
        return self._shape[1] if self._shape else ""

    @property
    def length(self) -> PacketLength:
        """What the packets read so far add up to."""
        return self._tally.length(self.error)

    def blocks(self, size: Callable[[int], int]) -> Iterator[Block]:
        """Blocks of shape (channels, samples), full scale 1; `size` gives their samples for a sample rate.

        Only the last one is shorter.
        """
        wanted = 0
        frame: AudioFrame | None = None
        for frame in self._decoded():
            wanted = wanted or size(frame.sample_rate)
            self._frames.append(_samples_of(frame))
            self._waiting += frame.samples
            if self._waiting >= wanted:
                yield from self._cut(wanted, frame)
        if self._waiting and frame is not None:
            yield _as_floats(np.concatenate(self._frames, axis=1), frame)

    def _cut(self, size: int, like: AudioFrame) -> Iterator[Block]:
        joined = np.concatenate(self._frames, axis=1)
        # What is not planar has its channels side by side in one row.
        width = joined.shape[1] // self._waiting
        whole = self._waiting - self._waiting % size
        for at in range(0, whole, size):
            yield _as_floats(joined[:, at * width : (at + size) * width], like)
        self._frames, self._waiting = [joined[:, whole * width :]], self._waiting - whole

    def _decoded(self) -> Iterator[AudioFrame]:
        deadline = time.monotonic() + self._limits.wall_seconds
        try:
            for packet in self._container.demux(self._stream):
                # An empty packet asks the decoder for what it holds.
                if packet.size:
                    if not self._strays.has_audio(packet):
                        continue
                    if self._strays.error:
                        break
                    self._tally.add(packet)
                    if self._on_packet is not None:
                        self._on_packet(packet)
                    if packet.is_corrupt and not self._ends_by_promise:
                        self.error = self._at("a packet is damaged")
                        return
                frames = self._frames_of(packet) if self._has_blocks else packet.decode()
                for frame in frames if self._adapter is None else chain.from_iterable(map(self._adapter.adapt, frames)):
                    if not self._accept(frame):
                        return
                    yield self._readable(frame)
                if time.monotonic() > deadline:
                    self.stopped = f"more than {self._limits.wall_seconds:.0f} s by the clock"
                    return
            for frame in self._adapter.rest() if self._adapter else ():
                if not self._accept(frame):
                    return
                yield self._readable(frame)
        except av.FFmpegError as error:
            self.error = self._at(error.strerror)
        if self._strays.error:
            self.error = self.error or self._at(self._strays.error)

    def _frames_of(self, packet: Packet[AudioStream]) -> list[AudioFrame]:
        """The frames of a packet of blocks. Where writers fill up no block, the last one may be too short to decode."""
        if self._stump is not None and packet.size:
            raise self._stump
        try:
            return packet.decode()
        except av.FFmpegError as error:
            if not 0 < packet.size < self._largest:
                raise
            self._stump = error
            return []
        finally:
            self._largest = max(self._largest, packet.size)

    def _accept(self, frame: AudioFrame) -> bool:
        count = frame.layout.nb_channels
        name = frame.layout.name
        if name == f"{count} channels" and count <= len(_USUAL_LAYOUTS):
            name = _USUAL_LAYOUTS[count - 1]
        shape = (frame.sample_rate, name, frame.format.name)
        if self._shape is None:
            self._shape = shape
            self.channel_names = tuple(channel.name for channel in AudioLayout(name).channels)
        if shape != self._shape:
            self.error = self._at(f"{_words(self._shape)} become {_words(shape)}")
        elif frame.is_corrupt:
            self.error = self._at("a frame is damaged")
        elif self.samples + frame.samples > self._limits.seconds * frame.sample_rate:
            self.stopped = f"more than {self._limits.seconds:.1f} s of audio"
        if self.error or self.stopped:
            return False
        self.samples += frame.samples
        if self._on_frame is not None:
            self._on_frame(frame)
        return True

    def _readable(self, frame: AudioFrame) -> AudioFrame:
        """PyAV counts the planes of a frame up to a null pointer, which 8 planes leave no room for: it reads beyond."""
        if not frame.format.is_planar or frame.layout.nb_channels < PLANES:
            return frame
        if self._packer is None:
            self._packer = AudioResampler(format=frame.format.packed.name, layout=frame.layout)
        (packed,) = self._packer.resample(frame)
        return packed

    def _at(self, problem: str | None) -> str:
        return f"{problem} at {self.samples / self.sample_rate:.3f} s"


class _Adapter:
    """Makes every frame like the first one."""

    def __init__(self) -> None:
        self._first: AudioFrame | None = None
        self._incoming: tuple[int, str, str] | None = None
        self._resampler: AudioResampler | None = None

    def adapt(self, frame: AudioFrame) -> list[AudioFrame]:
        """The frames that come before `frame` and could not be given earlier, and it."""
        if self._first is None:
            self._first = frame
        if frame.is_corrupt:
            return [frame]
        shape = _shape(frame)
        if shape == self._incoming:
            return [frame] if self._resampler is None else self._resampler.resample(frame)
        before = self.rest()
        self._incoming = shape
        first = self._first
        if shape != _shape(first):
            self._resampler = AudioResampler(format=first.format, layout=first.layout, rate=first.sample_rate)
        return [*before, *self.adapt(frame)]

    def rest(self) -> list[AudioFrame]:
        """What is left when no frame of the present shape follows."""
        if self._resampler is None:
            return []
        left, self._resampler = self._resampler.resample(None), None
        return left


def _shape(frame: AudioFrame) -> tuple[int, str, str]:
    return frame.sample_rate, frame.layout.name, frame.format.name


def _words(shape: tuple[int, str, str]) -> str:
    return f"{shape[0]} Hz {shape[1]} {shape[2]}"


def _samples_of(frame: AudioFrame) -> npt.NDArray[Any]:
    """What `frame.to_ndarray` gives, in a third of its time for planes of floats, which most decoders give."""
    if frame.format.name != "fltp":
        return frame.to_ndarray()
    planes = frame.planes
    samples = np.empty((len(planes), frame.samples), np.float32)
    for channel, plane in enumerate(planes):
        samples[channel] = np.frombuffer(memoryview(plane), np.float32, frame.samples)
    return samples


def _as_floats(samples: npt.NDArray[Any], like: AudioFrame) -> Block:
    """(channels, samples) of 32-bit floats, full scale 1, from what frames such as `like` hold."""
    if not like.format.is_planar:
        samples = samples.reshape(-1, like.layout.nb_channels).T
    if samples.dtype.kind == "f":
        found: Block = np.ascontiguousarray(samples, dtype=np.float32)
        # A float file may hold what is no number; nothing measured after it would be one. One flipped bit of an
        # exponent makes 1e38, whose square is no number either.
        if not np.abs(found).max(initial=0) <= LARGEST:
            np.nan_to_num(found, copy=False, posinf=1.0, neginf=-1.0)
            np.clip(found, -LARGEST, LARGEST, out=found)
        return found
    if samples.dtype == np.uint8:
        return np.ascontiguousarray((samples.astype(np.float32) - 128) / 128, dtype=np.float32)
    scale = np.float32(2.0 ** (1 - 8 * samples.itemsize))
    scaled: Block = np.multiply(samples, scale, dtype=np.float32, order="C")
    return scaled
