"""EBU R128 loudness and true peak of decoded audio, by FFmpeg's own filters."""

from __future__ import annotations

import math
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.filter.context import FilterContext

_NOTHING_LOUD = -70.0
"""LUFS: the absolute gate of BS.1770; FFmpeg gives it when no block is above."""

_OVERSAMPLED_TO = 192_000
"""Hz: BS.1770 asks for four times 48 kHz, and less for higher rates."""

_LEAST_OVERSAMPLING = 2

Block = npt.NDArray[np.float32]


class _Filter:
    """One filter of FFmpeg between a source of planar floats and a sink."""

    def __init__(self, name: str, arguments: str, sample_rate: int, layout: str) -> None:
        self._graph = Graph()
        source = f"sample_rate={sample_rate}:sample_fmt=fltp:channel_layout={layout}:time_base=1/{sample_rate}"
        self._first: FilterContext = self._graph.add("abuffer", source)
        middle = self._graph.add(name, arguments)
        self._last: FilterContext = self._graph.add("abuffersink")
        self._first.link_to(middle)
        middle.link_to(self._last)
        self._graph.configure()

    def push(self, frame: AudioFrame | None) -> list[AudioFrame]:
        """What comes out for one frame (None: the end)."""
        self._first.push(frame)
        frames: list[AudioFrame] = []
        while True:
            try:
                found = self._last.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return frames
            if isinstance(found, AudioFrame):
                frames.append(found)


class LoudnessMeter:
    """Integrated loudness (LUFS), loudness range (LU) and true peak (dBTP) of blocks of planar floats.

    Loudness follows ITU-R BS.1770 with the gates of EBU R128, the range EBU Tech 3342, both by FFmpeg's
    ``ebur128``; surround channels count as their layout says. The true peak is the largest sample after
    resampling to four times 48 kHz, as BS.1770 describes.
    """

    def __init__(self, sample_rate: int, layout: str, *, loudness: bool, true_peak: bool) -> None:
        self._rate = sample_rate
        self._layout = layout
        self._ebur128 = _Filter("ebur128", "metadata=1:framelog=quiet", sample_rate, layout) if loudness else None
        times = max(_LEAST_OVERSAMPLING, math.ceil(_OVERSAMPLED_TO / 2 / sample_rate))
        times = _LEAST_OVERSAMPLING if sample_rate > _OVERSAMPLED_TO // 4 else max(4, min(times, 4))
        self._oversampled = _Filter("aresample", f"{sample_rate * times}", sample_rate, layout) if true_peak else None
        self._told: dict[str, str] = {}
        self._peak = 0.0
        self._samples = 0

    def add(self, block: Block) -> None:
        """Measure ``block``, of shape (channels, samples) with full scale 1."""
        frame = AudioFrame.from_ndarray(block, format="fltp", layout=self._layout)
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._samples
        self._samples += block.shape[1]
        self._push(frame)

    def finish(self) -> None:
        """The end of the audio: take in what the filters still hold."""
        if self._samples:
            self._push(None)

    @property
    def integrated(self) -> float | None:
        """LUFS; None when nothing is louder than the absolute gate, or the audio is shorter than 0.4 s."""
        value = float(self._told.get("lavfi.r128.I", _NOTHING_LOUD))
        return value if value > _NOTHING_LOUD else None

    @property
    def range(self) -> float | None:
        """LU, None where there is no integrated loudness."""
        return None if self.integrated is None else float(self._told["lavfi.r128.LRA"])

    @property
    def true_peak(self) -> float | None:
        """dBTP; None when it was not asked for, or for digital silence."""
        return 20 * math.log10(self._peak) if self._peak > 0 else None

    def _push(self, frame: AudioFrame | None) -> None:
        if self._ebur128 is not None:
            for measured in self._ebur128.push(frame):
                # The last frame may be shorter than the filter's step, and then carries nothing.
                self._told = dict(measured.metadata) or self._told
        if self._oversampled is not None:
            for finer in self._oversampled.push(frame):
                samples = finer.to_ndarray()
                self._peak = max(self._peak, float(samples.max()), -float(samples.min()))
