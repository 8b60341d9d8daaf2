"""Good sources that headers or demuxers misdescribe: what plain FFmpeg converts cleanly is converted. Real FFmpeg."""

from __future__ import annotations

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
JUMP = ("-af", "asetpts=PTS+gt(T\\,1)*{}/TB")
GAP = ("-af", "aselect=not(between(t\\,0.5\\,1.2))")
TAG = b"TAG".ljust(128, b"\0")
LYRICS = b"LYRICSBEGIN" + b"IND0000200" + b"000021LYRICS200" + TAG


@pytest.fixture
def seconds_as(
    binaries: Binaries, tmp_path: Path, probe_file: Callable[[Path], dict[str, Any]], decoded_seconds: Any
) -> Callable[..., Any]:
    """Convert a file; how long the rendition is by its container and by decoding it."""
    engine = FfmpegEngine(binaries, EngineLimits(), tmp_path)

    async def convert(content: bytes, text: str = "audio/convert,f_flac") -> tuple[float, float]:
        source, target = tmp_path / "source", tmp_path / "rendition"
        source.write_bytes(content)
        await engine.convert(AudioConvert.parse(text), source, target)
        return probe_file(target)["file_duration"], decoded_seconds(target)

    return convert


def samples_of(path: Path, binaries: Binaries) -> bytes:
    """Decoded, as integers of 32 bits."""
    decode = [binaries.ffmpeg, "-v", "error", "-i", path, "-f", "s32le", "-"]
    return subprocess.run(decode, capture_output=True, check=True).stdout


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050])
async def test_a_gapless_mp3_of_a_low_rate(seconds_as: Any, make_audio: MakeAudio, rate: int) -> None:
    source = make_audio("low.mp3", "-b:a", "16k", rate=rate)
    assert await seconds_as(source.read_bytes()) == pytest.approx((2.0, 2.0), abs=0.01)


@pytest.mark.parametrize("tail", [TAG, LYRICS, b"\r\n", bytes(5000)], ids=["id3v1", "lyrics3", "crlf", "zeros"])
async def test_an_mp3_with_something_behind_its_frames(seconds_as: Any, make_audio: MakeAudio, tail: bytes) -> None:
    source = make_audio("vbr.mp3", "-q:a", "6", "-af", "volume=0:enable='gt(t,3)'", seconds=12.0)
    assert await seconds_as(source.read_bytes() + tail) == pytest.approx((12.0, 12.0), abs=0.06)


async def test_a_cut_mp3_with_a_tag_behind_is_still_found(seconds_as: Any, make_audio: MakeAudio) -> None:
    content = make_audio("vbr.mp3", "-q:a", "6", seconds=12.0).read_bytes()
    with pytest.raises(ConversionFailed, match=r"declares 12\.0 s but only"):
        await seconds_as(content[: len(content) // 2] + TAG)


async def test_joined_mp3s_are_one_sound(seconds_as: Any, make_audio: MakeAudio) -> None:
    parts = [make_audio("part.mp3", seconds=seconds).read_bytes() for seconds in (2.0, 3.0)]
    assert await seconds_as(b"".join(parts)) == pytest.approx((5.0, 5.0), abs=0.1)


@pytest.mark.parametrize("output", ["oga", "opus", "flac", "mp3"])
async def test_stereo_and_mono_joined_follow_one_another(seconds_as: Any, make_audio: MakeAudio, output: str) -> None:
    bare = ("-write_xing", "0", "-id3v2_version", "0")
    parts = [make_audio("part.mp3", *bare, "-ac", channels, rate=48_000).read_bytes() for channels in ("2", "1", "2")]
    found = await seconds_as(b"".join(parts), f"audio/convert,f_{output},ar_48000,ac_2")
    assert found == pytest.approx((6.1, 6.1), abs=0.1)


@pytest.mark.parametrize("name", ["late.mka", "late.m4a", "late.flv"])
async def test_audio_that_begins_late(seconds_as: Any, make_audio: MakeAudio, name: str) -> None:
    source = make_audio(name, "-af", "asetpts=PTS+5/TB", seconds=3.0)
    assert await seconds_as(source.read_bytes()) == pytest.approx((3.0, 3.0), abs=0.06)


@pytest.mark.parametrize("name", ["gap.mka", "gap.m4a", "gap.flv"])
async def test_time_without_packets_is_no_missing_audio(seconds_as: Any, make_audio: MakeAudio, name: str) -> None:
    source = make_audio(name, *GAP, seconds=3.0)
    assert await seconds_as(source.read_bytes()) == pytest.approx((2.3, 2.3), abs=0.08)


@pytest.mark.parametrize("name", ["gap.mka", "gap.m4a"])
async def test_a_file_with_a_gap_that_is_cut_too_is_found(seconds_as: Any, make_audio: MakeAudio, name: str) -> None:
    faststart = ("-movflags", "+faststart") if name.endswith("m4a") else ()
    content = make_audio(name, *GAP, *faststart, seconds=6.0).read_bytes()
    with pytest.raises(ConversionFailed) as caught:
        await seconds_as(content[: len(content) * 2 // 3])
    assert caught.value.code == "IncompleteMedia"


@pytest.mark.parametrize("name", ["jump.mka", "jump.m4a", "jump.ts"])
@pytest.mark.parametrize("output", ["oga", "opus", "flac"])
async def test_a_jump_of_timestamps_is_not_carried_on(
    seconds_as: Any, make_audio: MakeAudio, name: str, output: str
) -> None:
    source = make_audio(name, JUMP[0], JUMP[1].format(3600), rate=48_000)
    length = pytest.approx((2.0, 2.0), abs=0.06)
    assert await seconds_as(source.read_bytes(), f"audio/convert,f_{output},ar_48000") == length
    cut = pytest.approx((1.0, 1.0), abs=0.02)
    assert await seconds_as(source.read_bytes(), f"audio/convert,f_{output},ar_48000,ss_500,t_1000") == cut


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize(
    "options",
    [("-f", "mp3", "-write_xing", "0", "-id3v2_version", "0"), ("-f", "mp3"), ("-f", "ac3")],
    ids=["bare mp3", "mp3", "ac3"],
)
async def test_a_few_frames_are_audio(
    seconds_as: Any, make_audio: MakeAudio, frames: int, options: tuple[str, ...]
) -> None:
    source = make_audio("few", *options, seconds=frames * 1152 / 44_100)
    assert (await seconds_as(source.read_bytes()))[1] >= frames * 1152 / 44_100 - 0.001


@pytest.mark.parametrize("valid", [16, 20, 24])
async def test_fewer_valid_bits_in_32_are_whole_right_and_found_when_cut(
    seconds_as: Any, tmp_path: Path, binaries: Binaries, valid: int
) -> None:
    rate, guid = 48_000, bytes.fromhex("0100000000001000800000aa00389b71")
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 2, rate, rate * 8, 8, 32, 22, valid, 3) + guid
    data = struct.pack("<ii", 0x40000000, -0x40000000) * rate
    head = b"RIFF" + bytes(4) + b"WAVE" + b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data"
    assert await seconds_as(head + struct.pack("<I", len(data)) + data) == pytest.approx((1.0, 1.0), abs=0.01)
    assert samples_of(tmp_path / "rendition", binaries) == data
    with pytest.raises(ConversionFailed, match="declares"):
        await seconds_as(head + struct.pack("<I", 3 * len(data)) + data)


@pytest.mark.parametrize("length", [0x7FFFEFFC, 0x7FFFFFFF, 0x80000000, 0x80000024, 0xFFFFFF00])
async def test_a_wav_of_24_bits_from_a_pipe_has_no_length_to_keep(
    seconds_as: Any, make_audio: MakeAudio, length: int
) -> None:
    content = bytearray(make_audio("p.wav", "-c:a", "pcm_s24le", "-bitexact").read_bytes())
    struct.pack_into("<I", content, content.index(b"data") + 4, length)
    assert await seconds_as(bytes(content)) == pytest.approx((2.0, 2.0), abs=0.001)
