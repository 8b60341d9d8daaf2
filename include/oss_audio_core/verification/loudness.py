"""EBU R128 loudness and true peak of decoded audio, by FFmpeg's own filters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.filter import Graph
from av.filter.context import FilterContext

from oss_audio_core.verification.decoding import PLANES

_NOTHING_LOUD = -70.0
"""LUFS: the absolute gate of BS.1770; FFmpeg gives it when no block is above."""

_DEFINED_FOR = 48_000
"""Hz: the rate for which BS.1770 gives its filter. True peaks take four times that, twice above."""

_LEAST_RATE = 32_000
"""Hz: below, a filter derived for the rate itself is off by more than a tenth of a LU near its upper end. With twice
the rate there is nothing near that end."""

_ONE_CHAIN_UP_TO = 16_000
"""Hz: so low, the loudness is measured on what is oversampled for the peaks; above, that would cost more."""

_EBUR128 = ("ebur128", "metadata=1:framelog=quiet")

Block = npt.NDArray[np.float32]


class _Filters:
    """A chain of FFmpeg's filters between a source of planar floats and a sink."""

    def __init__(self, filters: Sequence[tuple[str, str]], sample_rate: int, layout: str) -> None:
        self._graph = Graph()
        sample_format = "fltp" if AudioLayout(layout).nb_channels < PLANES else "flt"
        source = (
            f"sample_rate={sample_rate}:sample_fmt={sample_format}:channel_layout={layout}:time_base=1/{sample_rate}"
        )
        self._first: FilterContext = self._graph.add("abuffer", source)
        self._last = self._first
        for name, arguments in (*filters, ("abuffersink", "")):
            added = self._graph.add(name, arguments)
            self._last.link_to(added)
            self._last = added
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
    `ebur128`; surround channels count as their layout says. The true peak is the largest sample after
    resampling to four times the rate (above 48 kHz twice), as BS.1770 describes.
    """

    def __init__(self, sample_rate: int, layout: str, *, loudness: bool, true_peak: bool) -> None:
        self._rate = sample_rate
        self._layout = layout
        finer = 4 if sample_rate <= _DEFINED_FOR else 2
        oversampled = ("aresample", f"{sample_rate * finer}")
        self._chains: list[tuple[_Filters, bool]] = []
        if loudness and sample_rate <= _ONE_CHAIN_UP_TO:
            self._chains.append((_Filters([oversampled, _EBUR128], sample_rate, layout), true_peak))
        else:
            if loudness:
                twice = [("aresample", f"{sample_rate * 2}")] if sample_rate < _LEAST_RATE else []
                self._chains.append((_Filters([*twice, _EBUR128], sample_rate, layout), False))
            if true_peak:
                self._chains.append((_Filters([oversampled], sample_rate, layout), True))
        self._metadata: dict[str, str] = {}
        self._peak = 0.0
        self._samples = 0

    def add(self, block: Block) -> None:
        """Measure `block`, of shape (channels, samples) with full scale 1."""
        if block.shape[0] < PLANES:
            frame = AudioFrame.from_ndarray(block, format="fltp", layout=self._layout)
        else:
            packed = np.ascontiguousarray(block.T).reshape(1, -1)
            frame = AudioFrame.from_ndarray(packed, format="flt", layout=self._layout)
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
        value = float(self._metadata.get("lavfi.r128.I", _NOTHING_LOUD))
        return value if value > _NOTHING_LOUD else None

    @property
    def range(self) -> float | None:
        """LU, None where there is no integrated loudness."""
        return None if self.integrated is None else float(self._metadata["lavfi.r128.LRA"])

    @property
    def true_peak(self) -> float | None:
        """dBTP; None when it was not asked for, or for digital silence."""
        return 20 * math.log10(self._peak) if self._peak > 0 else None

    def _push(self, frame: AudioFrame | None) -> None:
        for chain, is_peak in self._chains:
            for out in chain.push(frame):
                # The last frame may be shorter than the filter's step, and then carries nothing.
                self._metadata = dict(out.metadata) or self._metadata
                if is_peak:
                    samples = out.to_ndarray()
                    self._peak = max(self._peak, float(samples.max()), -float(samples.min()))
