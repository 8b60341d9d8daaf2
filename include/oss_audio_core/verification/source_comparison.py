"""Checks of the sound itself: not silent where the source was not, no clipping added, no channel lost."""

from __future__ import annotations

import math

from oss_audio_core.audio_convert.codec_facts import CODECS
from oss_audio_core.verification.checks import Check, check, not_checked
from oss_audio_core.verification.expectation import Expectation
from oss_audio_core.verification.inspection import Inspection
from oss_audio_core.verification.sound_outline import SoundOutline

SILENT_BELOW = -60
"""dBFS: a rendition whose samples stay below is silent."""

EMPTY_BELOW = -80
"""dBFS of RMS: a channel below holds only what joint stereo leaked into it from another one."""

LOUD_ABOVE = -45
"""dBFS: a source that reaches this is audible; a codec may drop what lies between."""

_SHIFT = 0.15
"""Seconds by which a codec may move the sound against the source."""

IN_BAND_LOUD = -57.0
"""dBFS of the mix between 120 and 2,300 Hz, from where on every format keeps it."""

FLOAT_CODECS = ("pcm_f", "wavpack")
"""How FFmpeg's names of codecs begin that may hold samples beyond full scale."""

LOSSLESS = frozenset(name for name, facts in CODECS.items() if facts.lossless)

_NYQUIST = 0.45
"""Part of a sample rate up to which resampling keeps the sound."""

_OUT_OF_BAND = "the source sounds only outside 120 to 2,300 Hz there, which the format may drop"

CLIPPING_ADDED = 0.001
"""Part of all samples in clipped runs, above the source's: peaks of a lossy codec clip less."""

_HEADROOM = -3.0
"""dBFS: peaks of a source below this can't reach full scale by a codec's overshoot alone."""

_LOUDER = 1.0
"""dB of RMS by which a rendition is louder than its source, when its gain was raised."""

_LOW_FREQUENCY = "LFE"


def silence_check(expectation: Expectation, source: Inspection, rendition: Inspection) -> Check:
    """Every part of the rendition that is silent must be silent in the source.

    Compared on lines of peaks, whose columns last a quarter of a second and more in a long file: a gap shorter than
    four columns and twice the shift may slip through. Where the source sounds only outside the bands of the outline,
    the format may drop it, and silence proves nothing.
    """
    wanted = f"sound above {SILENT_BELOW} dBFS where the source has more than {LOUD_ABOVE} dBFS"
    dropped = ""
    for begin, end in _silent_stretches(rendition):
        first = (begin + expectation.start + _SHIFT) / source.levels_step
        last = (end + expectation.start - _SHIFT) / source.levels_step
        inside = source.levels[-int(-first // 1) : int(last)]
        if inside and max(inside) > LOUD_ABOVE:
            if _may_be_dropped(source, rendition, (first * source.levels_step, last * source.levels_step)):
                dropped = f"{begin:.2f} to {end:.2f} s: {_OUT_OF_BAND}"
                continue
            measured = f"silent from {begin:.2f} to {end:.2f} s, where the source reaches {max(inside)} dBFS"
            return check("silence", wanted, measured, right=False)
    if dropped:
        return not_checked("silence", wanted, dropped)
    return check("silence", wanted, f"peak {rendition.sample_peak} dBFS", right=True)


def clipping_check(expectation: Expectation, source: Inspection, rendition: Inspection) -> Check:
    """No more samples at full scale than the source has.

    A lossy codec overshoots by itself when the source is near full scale; then only a rendition that also became
    louder was turned up.
    """
    wanted = f"at most {CLIPPING_ADDED:.1%} of the samples above the source's {source.clipped_share:.2%}"
    share = f"{rendition.clipped_share:.2%} in {rendition.clipped_runs} clipped runs"
    if rendition.clipped_share <= source.clipped_share + CLIPPING_ADDED:
        return check("clipping", wanted, share, right=True)
    if source.sample_peak > 0 and source.probe.codec.startswith(FLOAT_CODECS):
        return check("clipping", wanted, f"{share}: {_too_loud(source)}", right=False)
    if source.sample_peak < _HEADROOM:
        return check("clipping", wanted, f"{share}, and the source peaks at {source.sample_peak} dBFS", right=False)
    if not expectation.whole_source:
        return not_checked("clipping", wanted, f"{share}: this part of the source may be its loudest")
    louder = max(rendition.rms) - max(source.rms)
    return check("clipping", wanted, f"{share}, {louder:+.1f} dB RMS", louder <= _LOUDER)


def channels_check(expectation: Expectation, source: Inspection, rendition: Inspection) -> Check:
    """Each channel that the source fills must be filled, also those that were mixed to fewer or more."""
    wanted = "sound in every channel that the source fills"
    levels = enumerate(zip(rendition.peaks, rendition.rms, strict=True))
    silent = [channel for channel, (peak, rms) in levels if peak < SILENT_BELOW or rms < EMPTY_BELOW]
    lost = [channel for channel in silent if _is_fed(channel, source, rendition)]
    if not lost:
        return check("channels_alive", wanted, f"peaks {_words(rendition.peaks)}", right=True)
    if rendition.sample_peak < LOUD_ABOVE and _may_be_dropped(source, rendition):
        return not_checked("channels_alive", wanted, f"{_names(lost)} silent: {_OUT_OF_BAND}")
    if not expectation.whole_source:
        return not_checked("channels_alive", wanted, f"{_names(lost)} silent: perhaps the source's is in this part")
    return check("channels_alive", wanted, f"{_names(lost)} silent, peaks {_words(rendition.peaks)}", right=False)


def _too_loud(source: Inspection) -> str:
    """What to do about a float file whose samples go beyond what any other format holds."""
    over = math.ceil(source.sample_peak * 10) / 10
    return (
        f"the source holds floats up to {source.sample_peak:+.1f} dBFS, and what is above 0 dBFS is cut off. "
        f"Lower the source by {over} dB, for instance: ffmpeg -i in.wav -af volume=-{over}dB -c:a pcm_f32le out.wav"
    )


def _may_be_dropped(source: Inspection, rendition: Inspection, between: tuple[float, float] | None = None) -> bool:
    """Whether a format may drop all that the source has between two moments: it is too high, or just an offset."""
    if source.outline is None:
        return False
    outline = SoundOutline.from_json(source.outline)
    begin, end = between or (0.0, source.duration)
    level = outline.mean if between is None else outline.loudest(begin, end)
    if level > IN_BAND_LOUD or outline.is_opposed(begin, end):
        return False
    keeps_all = rendition.probe.codec in LOSSLESS and rendition.sample_rate * _NYQUIST >= (source.bandwidth or 0)
    return not (keeps_all and source.bandwidth)


def _silent_stretches(rendition: Inspection) -> list[tuple[float, float]]:
    """Begin and end in seconds of what is silent, as long as possible each."""
    stretches: list[tuple[float, float]] = []
    begin: float | None = None
    for column, level in enumerate((*rendition.levels, 0)):
        at = min(column * rendition.levels_step, rendition.duration)
        if level < SILENT_BELOW and begin is None:
            begin = at
        elif level >= SILENT_BELOW and begin is not None:
            stretches.append((begin, at))
            begin = None
    return stretches


def _is_fed(channel: int, source: Inspection, rendition: Inspection) -> bool:
    """Whether the source has sound that belongs into `channel` of the rendition."""
    filled = [level > LOUD_ABOVE for level in source.rms]
    into, names = rendition.channel_names, source.channel_names
    if into[channel] == _LOW_FREQUENCY:
        return False
    if len(into) == len(names):
        # The same number keeps its order, whatever the channels are called.
        return filled[channel]
    if len(into) == 1 or len(names) == 1:
        return any(filled) if len(into) <= 2 else into[channel] == "FC" and any(filled)
    if len(into) == 2:
        side = into[channel][-1:]
        return any(
            on and name != _LOW_FREQUENCY and name[-1:] in {side, "C"} for on, name in zip(filled, names, strict=True)
        )
    return into[channel] in names and filled[names.index(into[channel])]


def _names(channels: list[int]) -> str:
    return "channel " + ", ".join(str(channel + 1) for channel in channels)


def _words(levels: tuple[float, ...]) -> str:
    return ", ".join(f"{level:.1f}" for level in levels) + " dBFS"
