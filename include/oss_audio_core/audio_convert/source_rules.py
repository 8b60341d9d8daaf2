"""The rules of `audio/convert` that only the source can decide."""

from __future__ import annotations

from oss_audio_core.audio_convert.convert import AudioConvert
from oss_audio_core.audio_convert.errors import ParameterError


def check_against_source(convert: AudioConvert, sample_rate: int, channels: int) -> None:
    """Raise `ParameterError` when a value inherited from the source does not fit the format.

    `sample_rate` in Hz and `channels` are the source's. Without `ar` or `ac` the output takes them
    over, and the seed warns that "transcoding may fail when the source values are incompatible with the
    target format": an 8-channel source to mp3 without `ac`, 44,100 Hz to opus without `ar`.
    """
    audio_format = convert.format
    if convert.ar is None and sample_rate not in audio_format.sample_rates:
        allowed = f"for f={convert.f}: {audio_format.describe_rates()}; set ar, the source's rate does not fit"
        raise ParameterError("ar", sample_rate, allowed)
    if convert.ac is None and not 1 <= channels <= audio_format.max_channels:
        allowed = f"for f={convert.f}: {audio_format.describe_channels()}; set ac, the source's count does not fit"
        raise ParameterError("ac", channels, allowed)
