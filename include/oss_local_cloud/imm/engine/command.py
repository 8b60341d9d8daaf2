"""The FFmpeg command of one conversion, built from what was asked and what the source is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oss_audio_core.audio_convert import AudioConvert, ParameterError, check_against_source
from oss_local_cloud.imm.engine.encoder_settings import (
    ENCODERS,
    MUXERS,
    bitrate_arguments,
    quality_arguments,
    settings_for,
)
from oss_local_cloud.imm.engine.failure import not_fitting
from oss_local_cloud.imm.engine.source import GUARDS, WHOLE_SAMPLES, Source

LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""Speaker layouts for 1 to 8 channels; every encoder takes these (FFmpeg's own 2.1 and 4.0 fail in opus)."""

_MOST_SAMPLES = 1 << 40  # longer than any source may be; FFmpeg crashes on sums beyond 63 bits


@dataclass(frozen=True)
class Plan:
    """A conversion made concrete: output rate in Hz, output channels, and the samples of the source it takes.

    `end_sample` None means to the end.
    """

    convert: AudioConvert
    source: Source
    sample_rate: int
    channels: int
    start_sample: int
    end_sample: int | None

    def wanted_until(self, declared: float) -> float:
        """Second of the source at which the rendition ends, of one that declares so many seconds."""
        return declared if self.end_sample is None else min(declared, self.end_sample / self.source.sample_rate)


def plan(convert: AudioConvert, source: Source) -> Plan:
    """What will be done; raises ConversionFailed when this source can't be converted so.

    A source whose rate or channels the format does not take fails unless `ar` or `ac` is given, and so
    does, with `abopt_2`, one whose bitrate is lower than `ab`.
    """
    try:
        check_against_source(convert, source.sample_rate, source.channels)
    except ParameterError as error:
        raise not_fitting(str(error)) from error
    if settings_for(convert.f, convert.ar or source.sample_rate) is None:
        raise not_fitting(f"this engine has no encoder for f={convert.f}")
    if convert.abopt == 2 and convert.ab is not None and (source.bit_rate or convert.ab) < convert.ab:
        raise not_fitting(
            f"abopt is 2 and the source's bitrate of {source.bit_rate} bit/s is lower than ab={convert.ab}"
        )
    start = _samples(convert.ss or 0, source.sample_rate)
    end = start + _samples(convert.t, source.sample_rate) if convert.t else None
    declared = source.counted_seconds
    if declared is not None and start > 0 and start >= declared * source.sample_rate:
        raise not_fitting(f"ss={convert.ss} ms is beyond the end of the source, which is {declared:.3f} s long")
    return Plan(convert, source, convert.ar or source.sample_rate, convert.ac or source.channels, start, end)


def command(ffmpeg: Path, source: Path, target: Path, planned: Plan) -> list[str | Path]:
    """The whole command line. `-v verbose` is for its closing lines, which count samples exactly."""
    return [
        ffmpeg,
        *("-nostdin", "-hide_banner", "-nostats", "-v", "level+verbose", "-y"),
        *("-threads", "1", "-filter_threads", "1"),
        *_decoder(planned.source),
        *(*GUARDS, "-i", f"file:{source}"),
        *("-map", "0:a:0", "-map_chapters", "-1", *_metadata(planned.source)),
        *("-af", filters(planned)),
        *_encoder(planned),
        *("-threads", "1", "-fflags", "+bitexact", "-flags:a", "+bitexact"),
        *("-f", MUXERS[planned.convert.f], f"file:{target}"),
    ]


def _decoder(source: Source) -> list[str]:
    return ["-c:a", WHOLE_SAMPLES] if source.container == "wav" and source.codec == WHOLE_SAMPLES else []


def filters(planned: Plan) -> str:
    """The filter chain: cut by samples of the source, then rate and layout.

    `rematrix_maxval=1` keeps a downmix at one level for all encoders; without it float ones are 3 dB
    louder.
    """
    chain = []
    if planned.start_sample or planned.end_sample is not None:
        end = "" if planned.end_sample is None else f":end_sample={planned.end_sample}"
        chain.append(f"atrim=start_sample={planned.start_sample}{end}")
    layout = LAYOUTS[planned.channels - 1]
    if planned.channels == planned.source.channels > 2 and planned.source.layout != layout:
        # The same number of channels under other names: keep each one, mixing would lose the unknown ones.
        channels = "|".join(str(number) for number in range(planned.channels))
        chain.append(f"channelmap=map={channels}:channel_layout={layout}")
    chain.append(f"aresample={planned.sample_rate}:ochl={layout}:rematrix_maxval=1")
    if planned.convert.f == "flac":
        chain.append(f"aformat=sample_fmts={'s32' if _flac_bits(planned) == 24 else 's16'}")
    # Without timestamps the program counts samples: a jump of the source's own would be hours of nothing in Ogg, and
    # counting in the filter would begin anew where an mp3 goes on with another number of channels.
    chain.append("asetpts=NAN")
    return ",".join(chain)


def _encoder(planned: Plan) -> list[str]:
    convert, rate, channels = planned.convert, planned.sample_rate, planned.channels
    arguments = ["-c:a", ENCODERS[convert.format.codec(rate)].encoder]
    if convert.f == "flac":
        arguments += ["-bits_per_raw_sample", str(_flac_bits(planned))]
    if convert.aq is not None:
        return arguments + quality_arguments(convert.f, convert.aq, rate, channels)
    if convert.ab is not None:
        wanted = convert.ab
        if convert.abopt == 1 and planned.source.bit_rate is not None:
            wanted = min(wanted, planned.source.bit_rate)
        return arguments + bitrate_arguments(convert.f, wanted, rate, channels)
    return arguments


def _flac_bits(planned: Plan) -> int:
    """`adepth`, else 24 for a source of more than 16 bits and 16 for the rest, lossy ones among them."""
    return planned.convert.adepth or (24 if planned.source.bits > 16 else 16)


def _metadata(source: Source) -> list[str]:
    """Tags go along. Ogg keeps them with the stream, MP4 mixes the file's brands among them."""
    if source.container == "ogg":
        return ["-map_metadata", "0:s:a:0"]
    if source.container.startswith("mov,"):
        brands = ("major_brand", "minor_version", "compatible_brands")
        return ["-map_metadata", "0", *(part for name in brands for part in ("-metadata", f"{name}="))]
    return ["-map_metadata", "0"]


def _samples(milliseconds: int, sample_rate: int) -> int:
    return min((milliseconds * sample_rate + 500) // 1000, _MOST_SAMPLES)
