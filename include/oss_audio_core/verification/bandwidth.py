"""How far up the sound of a file reaches: its audible bandwidth, and whether it ends there as if cut off.

The measure follows the bandwidth of ITU-R BS.1387 (PEAQ): the highest frequency whose level is 10 dB above that of the
top of the spectrum, where little but noise is. It is taken of the mean of a few short spectra a second. Where the top
is not much quieter than the rest, the sound reaches it.

A lossy codec cuts off what is above some frequency (16 kHz for mp3 at 128 kbit/s), and so does a converter from a lower
sample rate. Natural sounds fade out instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from oss_audio_core.verification.sound_outline import LOW_FREQUENCY

_FFT = 2048
_OFFSET = 3
_FRAMES = 4
"""Spectra of each block, of some 1.5 s."""

_BANDS = 128
"""Bands of equal width, from 0 Hz to half the sample rate."""

_TOP = 6
"""Bands at the upper end that are taken for the noise floor: 21 kHz and more at 44.1 kHz."""

_ABOVE_NOISE = 10.0
"""dB."""

_SOUND_AT_TOP = 45.0
"""dB below the loudest band, from where on the top holds noise; what is louder there is sound."""

_INAUDIBLE = -90.0
"""dB below the loudest band, and dBFS: what is quieter is not heard."""

_CUT_OFF = 20.0
"""dB between the band before the edge and the one after the next."""

Block = npt.NDArray[np.float32]


class BandwidthMeter:
    """Takes blocks of shape (channels, samples), full scale 1."""

    def __init__(self, channel_names: Sequence[str], sample_rate: int) -> None:
        self._rate = sample_rate
        self._channels = [at for at, name in enumerate(channel_names) if name != LOW_FREQUENCY] or [0]
        self._window = np.hanning(_FFT).astype(np.float32)
        self._power = np.zeros(_FFT // 2)
        self._frames = 0

    def add(self, block: Block) -> None:
        """Take some spectra of the next block, of one channel after the other."""
        room = block.shape[1] - _FFT
        for number in range(_FRAMES if room >= 0 else 0):
            begin = room * number // _FRAMES
            channel = self._channels[self._frames % len(self._channels)]
            spectrum = np.fft.rfft(block[channel, begin : begin + _FFT] * self._window)[1:]
            # An offset leaks so far.
            spectrum[:_OFFSET] = 0
            self._power += np.square(spectrum.real) + np.square(spectrum.imag)
            self._frames += 1

    @property
    def bandwidth(self) -> float | None:
        """Hz; None for silence, and for what is shorter than a spectrum."""
        edge = _edge(self._levels())
        return None if edge is None else round((edge + 1) * self._rate / 2 / _BANDS, 1)

    @property
    def is_cut_off(self) -> bool:
        """Whether the sound ends there within a fiftieth of the spectrum, and well below its end."""
        levels = self._levels()
        edge = _edge(levels)
        if edge is None or edge >= _BANDS - 2 * _TOP:
            return False
        return bool(levels[edge - 1] - levels[edge + 2] >= _CUT_OFF)

    def _levels(self) -> npt.NDArray[Any]:
        """Levels of the bands in dBFS; a full-scale sine has 0."""
        if not self._frames:
            return np.full(_BANDS, -200.0)
        scale = 4 / float(self._window.sum()) ** 2 / self._frames
        bands = self._power.reshape(_BANDS, -1).sum(axis=1) * scale
        return np.asarray(10 * np.log10(np.maximum(bands, 1e-20)))


def _edge(levels: npt.NDArray[Any]) -> int | None:
    """The highest band with sound."""
    if levels.max() < _INAUDIBLE:
        return None
    top = levels[-_TOP:].max()
    if levels.max() - top < _SOUND_AT_TOP:
        return _BANDS - 1
    floor = max(top + _ABOVE_NOISE, levels.max() + _INAUDIBLE)
    return int(np.flatnonzero(levels > floor)[-1])
