"""What comes out of the engine: all seven formats, cutting, rates, layouts, bitrates, tags. Real FFmpeg."""

from __future__ import annotations

import math
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oss_audio_core.audio_convert import AudioConvert
from oss_local_cloud.imm.engine.binaries import Binaries
from oss_local_cloud.imm.engine.failure import ConversionFailed
from oss_local_cloud.imm.engine.ffmpeg import FfmpegEngine
from oss_local_cloud.imm.engine.limits import EngineLimits

MakeAudio = Callable[..., Path]
Probe = Callable[[Path], dict[str, Any]]


@pytest.fixture
def convert(binaries: Binaries, tmp_path: Path) -> Callable[..., Any]:
    """A coroutine function that converts a source by a text such as "audio/convert,f_mp3" to a path."""
    engine = FfmpegEngine(binaries, EngineLimits(), tmp_path)
    count = iter(range(1000))

    async def run(source: Path, text: str) -> Path:
        target = tmp_path / f"rendition-{next(count)}"
        await engine.convert(AudioConvert.parse(text), source, target)
        return target

    return run


def ffmpeg(binaries: Binaries, *arguments: str | Path) -> None:
    """Make a source."""
    subprocess.run([binaries.ffmpeg, "-nostdin", "-v", "error", *arguments], check=True)


def samples(binaries: Binaries, path: Path, channels: int = 1, rate: int = 48000) -> tuple[int, ...]:
    """The 16-bit samples of a file, interleaved, at its own channel count (which must be `channels`)."""
    command = [binaries.ffmpeg, "-nostdin", "-v", "error", "-i", path, "-ar", str(rate), "-f", "s16le", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    assert len(raw) % (2 * channels) == 0
    return struct.unpack(f"<{len(raw) // 2}h", raw)


def level(values: tuple[int, ...]) -> float:
    """Root mean square in dB below full scale."""
    return 20 * math.log10(math.sqrt(sum(value * value for value in values) / len(values)) / 32768)


@pytest.mark.parametrize(
    ("text", "codec", "container", "rate", "channels", "tolerance"),
    [
        ("audio/convert,f_mp3", "mp3", "mp3", 44100, 2, 0.001),
        ("audio/convert,f_aac", "aac", "aac", 44100, 2, 0.06),
        ("audio/convert,f_flac", "flac", "flac", 44100, 2, 0.001),
        ("audio/convert,f_oga", "vorbis", "ogg", 44100, 2, 0.005),
        ("audio/convert,f_ac3", "ac3", "ac3", 44100, 2, 0.04),
        ("audio/convert,f_opus,ar_48000", "opus", "ogg", 48000, 2, 0.001),
        ("audio/convert,f_amr,ar_8000,ac_1", "amr_nb", "amr", 8000, 1, 0.025),
        ("audio/convert,f_amr,ar_16000,ac_1", "amr_wb", "amr", 16000, 1, 0.025),
    ],
)
async def test_every_format_comes_out_as_what_it_says(
    convert: Any,
    make_audio: MakeAudio,
    probe_file: Probe,
    decoded_seconds: Callable[[Path], float],
    text: str,
    codec: str,
    container: str,
    rate: int,
    channels: int,
    tolerance: float,
) -> None:
    rendition = await convert(make_audio("s.wav", "-ac", "2", seconds=2.345), text)
    found = probe_file(rendition)
    assert (found["codec_name"], found["container"]) == (codec, container)
    assert (int(found["sample_rate"]), found["channels"]) == (rate, channels)
    assert decoded_seconds(rendition) == pytest.approx(2.345, abs=tolerance)


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 48000])
async def test_an_opus_file_keeps_the_asked_rate_in_its_header(convert: Any, make_audio: MakeAudio, rate: int) -> None:
    rendition = await convert(make_audio("s.wav"), f"audio/convert,f_opus,ar_{rate}")
    head = rendition.read_bytes()
    at = head.index(b"OpusHead")
    assert struct.unpack_from("<I", head, at + 12) == (rate,)


@pytest.mark.parametrize("name", ["c.wav", "c.flac", "c.mp3", "c.ogg", "c.m4a", "c.opus"])
async def test_a_cut_starts_and_ends_at_the_millisecond(
    convert: Any, make_audio: MakeAudio, binaries: Binaries, tmp_path: Path, name: str
) -> None:
    # A click at 1.5 s and one at 2.5 s; the cut from 1.4 s for 0.4 s has the first, 100 ms from its start.
    clicks = tmp_path / name
    click = "aevalsrc='if(between(mod(t\\,1)\\,0.5\\,0.501)*gte(t\\,1)\\,0.9\\,0)':s=48000:d=3"
    ffmpeg(binaries, "-f", "lavfi", "-i", click, clicks)
    rendition = await convert(clicks, "audio/convert,f_flac,ss_1400,t_400,ac_1,ar_48000")
    cut = samples(binaries, rendition)
    assert len(cut) == 48000 * 0.4
    loudest = max(range(len(cut)), key=lambda index: abs(cut[index]))
    assert loudest / 48000 == pytest.approx(0.1, abs=0.005)


async def test_t_beyond_the_end_gives_what_there_is(
    convert: Any, make_audio: MakeAudio, decoded_seconds: Callable[[Path], float]
) -> None:
    rendition = await convert(make_audio("s.wav", seconds=2.0), "audio/convert,f_flac,ss_1500,t_60000")
    assert decoded_seconds(rendition) == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize("name", ["s.wav", "s.aac"])
async def test_the_largest_ss_and_t_are_beyond_the_end_as_well(
    convert: Any, make_audio: MakeAudio, decoded_seconds: Callable[[Path], float], name: str
) -> None:
    most = (1 << 63) - 1
    rendition = await convert(make_audio(name, seconds=2.0), f"audio/convert,f_flac,ss_500,t_{most}")
    assert decoded_seconds(rendition) == pytest.approx(1.5, abs=0.05)
    with pytest.raises(ConversionFailed, match=f"ss={most} ms is beyond the end of the source"):
        await convert(make_audio(name, seconds=2.0), f"audio/convert,f_flac,ss_{most},t_{most}")


@pytest.mark.parametrize("name", ["s.wav", "s.mp3", "s.aac", "s.ogg"])
async def test_ss_beyond_the_end_fails(convert: Any, make_audio: MakeAudio, name: str) -> None:
    with pytest.raises(ConversionFailed, match="ss=60000 ms is beyond the end of the source"):
        await convert(make_audio(name), "audio/convert,f_mp3,ss_60000")


@pytest.mark.parametrize(
    ("options", "text", "message"),
    [
        (("-ac", "8"), "audio/convert,f_mp3", "ac is 8; allowed: for f=mp3: 1 to 2; set ac"),
        (("-ar", "44100"), "audio/convert,f_opus", "ar is 44100; allowed: for f=opus: 8000, 12000"),
        (("-ac", "2", "-ar", "8000"), "audio/convert,f_amr", "ac is 2; allowed: for f=amr: 1; set ac"),
        (("-ar", "192000"), "audio/convert,f_flac", "ar is 192000; allowed: for f=flac"),
        (
            ("-ar", "8000", "-c:a", "pcm_u8"),
            "audio/convert,f_mp3,ab_128000,abopt_2",
            "abopt is 2 and the source's bitrate of 64000 bit/s is lower than ab=128000",
        ),
    ],
)
async def test_a_source_that_does_not_fit_the_request_fails_and_says_what_to_set(
    convert: Any, make_audio: MakeAudio, options: tuple[str, ...], text: str, message: str
) -> None:
    with pytest.raises(ConversionFailed) as caught:
        await convert(make_audio("s.wav", *options), text)
    assert (caught.value.code, message in caught.value.message) == ("InvalidArgument", True)


async def test_abopt_1_takes_the_sources_lower_bitrate(convert: Any, make_audio: MakeAudio, probe_file: Probe) -> None:
    source = make_audio("s.mp3", "-b:a", "64k")
    as_asked = await convert(source, "audio/convert,f_mp3,ab_192000,abopt_0")
    as_source = await convert(source, "audio/convert,f_mp3,ab_192000,abopt_1")
    assert [int(probe_file(path)["bit_rate"]) for path in (as_asked, as_source)] == [192000, 64000]


@pytest.mark.parametrize(("depth", "sample_format"), [(16, "s16"), (24, "s32")])
async def test_adepth_is_the_depth_of_the_flac(
    convert: Any, make_audio: MakeAudio, probe_file: Probe, depth: int, sample_format: str
) -> None:
    found = probe_file(await convert(make_audio("s.wav"), f"audio/convert,f_flac,adepth_{depth}"))
    assert (found["bits_per_raw_sample"], found["sample_fmt"]) == (str(depth), sample_format)


@pytest.mark.parametrize(
    ("codec", "suffix", "bits"),
    [("pcm_s16le", "wav", "16"), ("pcm_s24le", "wav", "24"), ("libmp3lame", "mp3", "16")],
)
async def test_a_flac_without_adepth_keeps_what_the_source_has(
    convert: Any, make_audio: MakeAudio, probe_file: Probe, codec: str, suffix: str, bits: str
) -> None:
    found = probe_file(await convert(make_audio(f"s.{suffix}", "-c:a", codec), "audio/convert,f_flac"))
    assert found["bits_per_raw_sample"] == bits


@pytest.mark.parametrize("f", ["mp3", "aac", "oga", "ac3", "opus,ar_48000", "amr,ar_8000,ac_1", "amr,ar_16000,ac_1"])
async def test_the_size_grows_with_aq(convert: Any, make_audio: MakeAudio, binaries: Binaries, f: str) -> None:
    source = make_audio("noise.wav", "-af", "aeval=random(0)-0.5|random(1)-0.5:c=stereo", "-ac", "2")
    sizes = [(await convert(source, f"audio/convert,f_{f},aq_{aq}")).stat().st_size for aq in (0, 50, 100)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(
    ("text", "bit_rate"),
    [
        ("audio/convert,f_mp3,ab_100000", 96000),
        ("audio/convert,f_mp3,ab_10000000", 320000),
        ("audio/convert,f_ac3,ab_100000", 96000),
        ("audio/convert,f_ac3,ab_10000000", 640000),
        ("audio/convert,f_oga,ab_10000000", 500000),
        ("audio/convert,f_oga,ab_1000", 48000),
    ],
)
async def test_ab_goes_to_the_nearest_rate_the_codec_has(
    convert: Any, make_audio: MakeAudio, probe_file: Probe, text: str, bit_rate: int
) -> None:
    rendition = await convert(make_audio("s.wav", "-ac", "2"), text)
    assert int(probe_file(rendition)["bit_rate"]) == bit_rate


async def test_a_downmix_has_one_level_whatever_the_encoder(
    convert: Any, make_audio: MakeAudio, binaries: Binaries
) -> None:
    source = make_audio("six.wav", "-ac", "6")
    levels = [
        level(samples(binaries, await convert(source, f"audio/convert,f_{f},ac_2"), channels=2))
        for f in ("flac", "mp3", "oga")
    ]
    assert max(levels) - min(levels) < 0.5


@pytest.mark.parametrize("layout", ["2.1", "4.0", "3.0(back)"])
async def test_no_channel_of_an_unusual_layout_is_lost(
    convert: Any, binaries: Binaries, tmp_path: Path, layout: str
) -> None:
    channels = 4 if layout == "4.0" else 3
    tones = "|".join(f"sin(2*PI*{300 + 100 * number}*t)/2" for number in range(channels))
    source = tmp_path / "unusual.wav"
    generated = f"aevalsrc='{tones}':c={layout}:s=48000:d=1"
    ffmpeg(binaries, "-f", "lavfi", "-i", generated, source)
    values = samples(binaries, await convert(source, "audio/convert,f_flac"), channels)
    for channel in range(channels):
        assert level(values[channel::channels]) == pytest.approx(-9.03, abs=0.1)


@pytest.mark.parametrize("source", ["t.mp3", "t.flac", "t.ogg", "t.m4a"])
@pytest.mark.parametrize("f", ["mp3", "flac", "oga", "opus,ar_48000"])
async def test_tags_go_along_and_cover_art_does_not(
    convert: Any, make_audio: MakeAudio, probe_file: Probe, binaries: Binaries, tmp_path: Path, source: str, f: str
) -> None:
    tagged = make_audio(source, "-metadata", "title=Nachtlied 夜", "-metadata", "artist=Ada & Co")
    if source != "t.ogg":
        cover, plain = tmp_path / "cover.png", tagged
        tagged = tmp_path / source
        ffmpeg(binaries, "-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", cover)
        pictured = ["-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic", tagged]
        ffmpeg(binaries, "-i", plain, "-i", cover, *pictured)
    found = probe_file(await convert(tagged, f"audio/convert,f_{f}"))
    assert found["streams"] == 1
    assert (found["tags"]["title"], found["tags"]["artist"]) == ("Nachtlied 夜", "Ada & Co")
    assert not {"major_brand", "compatible_brands"} & set(found["tags"])


async def test_a_video_gives_its_first_audio_stream(
    convert: Any, binaries: Binaries, probe_file: Probe, tmp_path: Path
) -> None:
    video = tmp_path / "video.mp4"
    inputs = ["-f", "lavfi", "-i", "testsrc=d=2:s=64x64", "-f", "lavfi", "-i", "sine=d=2:r=32000"]
    second = ["-f", "lavfi", "-i", "sine=d=2:r=48000", "-map", "0", "-map", "1", "-map", "2"]
    ffmpeg(binaries, *inputs, *second, video)
    found = probe_file(await convert(video, "audio/convert,f_mp3"))
    assert (found["codec_name"], found["sample_rate"], found["streams"]) == ("mp3", "32000", 1)


async def test_a_video_without_sound_has_no_audio_stream(convert: Any, binaries: Binaries, tmp_path: Path) -> None:
    video = tmp_path / "silent.mp4"
    ffmpeg(binaries, "-f", "lavfi", "-i", "testsrc=d=1:s=64x64", video)
    with pytest.raises(ConversionFailed, match="has no audio stream") as caught:
        await convert(video, "audio/convert,f_mp3")
    assert caught.value.code == "NoAudioStream"


async def test_the_same_source_and_request_give_the_same_bytes(convert: Any, make_audio: MakeAudio) -> None:
    source = make_audio("s.wav", "-ac", "2")
    for text in ("audio/convert,f_oga", "audio/convert,f_opus,ar_48000", "audio/convert,f_mp3"):
        assert (await convert(source, text)).read_bytes() == (await convert(source, text)).read_bytes()
