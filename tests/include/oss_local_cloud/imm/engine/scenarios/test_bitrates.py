"""`ab`, `aq` and `abopt` with real encoders, over their full ranges and with signals that are hard to encode."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
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
NOISE = ("-af", "aeval=(random(0)-0.5)*2|(random(1)-0.5)*2:c=stereo")
BEEPS = ("-af", "aeval=if(lt(mod(t\\,0.25)\\,0.05)\\,val(0)*7\\,0)|val(0)*7:c=stereo")
PINK = ("-filter_complex", "anoisesrc=c=pink:r=48000:d=1:a=0.5:seed=1,aformat=channel_layouts=stereo", "-ac", "2")
CHORD = (
    "-af",
    "aeval=(val(0)*4+sin(554.37*2*PI*t)/3+sin(1318*2*PI*t)*mod(t\\,0.5)/3+(random(0)-0.5)*0.05)*0.6|"
    "(sin(659.25*2*PI*t)+sin(3520*2*PI*t)/3+(random(1)-0.5)*0.05)*0.6:c=stereo",
)

MPEG_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
MPEG_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
MPEG_25 = MPEG_2[:8]


@pytest.fixture
def convert_all(binaries: Binaries, tmp_path: Path) -> Callable[..., Any]:
    """A coroutine function that converts by each text; its result is the renditions' paths, in order."""
    engine = FfmpegEngine(binaries, EngineLimits(), tmp_path)

    async def run(source: Path, texts: Sequence[str]) -> list[Path]:
        slots = asyncio.Semaphore(os.cpu_count() or 1)

        async def one(text: str) -> Path:
            target = tmp_path / text.removeprefix("audio/convert,")
            async with slots:
                await engine.convert(AudioConvert.parse(text), source, target)
            return target

        return await asyncio.gather(*(one(text) for text in texts))

    return run


@pytest.mark.parametrize(
    ("f", "rates", "channels", "signal"),
    [
        ("mp3", (8000, 11025, 16000, 24000, 48000), (1, 2), NOISE),
        ("aac", (8000, 22050, 48000, 96000), (1, 2, 8), NOISE),
        ("flac", (8000, 96000), (1, 8), NOISE),
        ("oga", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000), (1, 2, 8), NOISE),
        ("ac3", (32000, 44100, 48000), (1, 2, 3, 4, 5, 6), NOISE),
        ("ac3", (48000,), (1, 2, 3, 4, 5, 6), BEEPS),
        ("opus", (8000, 48000), (1, 2, 8), NOISE),
        ("amr", (8000, 16000), (1,), NOISE),
    ],
)
async def test_the_ends_of_both_ranges_work_at_every_rate(
    convert_all: Any, make_audio: MakeAudio, f: str, rates: tuple[int, ...], channels: tuple[int, ...], signal: Any
) -> None:
    source = make_audio("hard.wav", *signal, seconds=0.4, rate=48000)
    ends = ("ab_1000", "ab_10000000", "aq_0", "aq_100")
    texts = [f"audio/convert,f_{f},ar_{ar},ac_{ac},{end}" for ar in rates for ac in channels for end in ends]
    renditions = await convert_all(source, texts)
    assert all(path.stat().st_size > 0 for path in renditions)


@pytest.mark.parametrize("signal", [PINK, CHORD], ids=["pink noise", "chord"])
@pytest.mark.parametrize(
    "f",
    [
        "mp3,ac_2",
        "aac,ac_2",
        "aac,ac_1,ar_8000",
        "aac,ac_6",
        "oga,ac_2",
        "oga,ac_2,ar_22050",
        "oga,ac_1,ar_8000",
        "ac3,ac_2",
        "ac3,ac_6",
        "opus,ac_2",
        "amr,ar_8000,ac_1",
        "amr,ar_16000,ac_1",
    ],
)
async def test_the_size_never_falls_while_aq_rises(
    convert_all: Any, make_audio: MakeAudio, f: str, signal: tuple[str, ...]
) -> None:
    source = make_audio("s.wav", *signal, seconds=1.0, rate=48000)
    renditions = await convert_all(source, [f"audio/convert,f_{f},aq_{aq}" for aq in range(0, 101, 10)])
    sizes = [path.stat().st_size for path in renditions]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[5] < sizes[10]


async def test_aq_of_flac_buys_compression_and_loses_nothing(convert_all: Any, make_audio: MakeAudio) -> None:
    source = make_audio("s.wav", *BEEPS, seconds=2.0, rate=48000)
    worst, best = await convert_all(source, ["audio/convert,f_flac,aq_0", "audio/convert,f_flac,aq_100"])
    assert best.stat().st_size < worst.stat().st_size
    assert worst.read_bytes()[26:42] == best.read_bytes()[26:42]  # STREAMINFO's MD5 of the samples


@pytest.mark.parametrize(("ar", "table"), [(44100, MPEG_1), (24000, MPEG_2), (8000, MPEG_25)])
async def test_mp3_has_the_nearest_of_its_bitrates(
    convert_all: Any, make_audio: MakeAudio, probe_file: Probe, ar: int, table: tuple[int, ...]
) -> None:
    source = make_audio("noise.wav", *NOISE, seconds=0.4, rate=48000)
    wanted = (1000, 33_000, 70_000, 100_000, 141_000, 250_000, 10_000_000)
    renditions = await convert_all(source, [f"audio/convert,f_mp3,ar_{ar},ac_2,ab_{ab}" for ab in wanted])
    found = [int(probe_file(path)["bit_rate"]) for path in renditions]
    assert found == [1000 * min(table, key=lambda kbit: abs(1000 * kbit - ab)) for ab in wanted]


@pytest.mark.parametrize(
    ("f", "wanted"),
    [
        ("aac,ac_2", (64_000, 96_000, 160_000)),
        ("opus,ac_2", (32_000, 96_000, 192_000)),
        ("oga,ac_2", (64_000, 160_000)),
    ],
)
async def test_ab_is_what_a_codec_without_fixed_bitrates_comes_near(
    convert_all: Any, make_audio: MakeAudio, f: str, wanted: tuple[int, ...]
) -> None:
    source = make_audio("music.wav", *CHORD, seconds=4.0, rate=48000)
    renditions = await convert_all(source, [f"audio/convert,f_{f},ab_{ab}" for ab in wanted])
    for ab, path in zip(wanted, renditions, strict=True):
        assert path.stat().st_size * 8 / 4.0 == pytest.approx(ab, rel=0.25)


@pytest.mark.parametrize(("source_rate", "ab"), [("64k", 192_000), ("192k", 64_000)])
async def test_abopt_compares_ab_with_the_sources_bitrate(
    convert_all: Any, make_audio: MakeAudio, probe_file: Probe, source_rate: str, ab: int
) -> None:
    source = make_audio("s.mp3", "-b:a", source_rate)
    theirs = 1000 * int(source_rate.removesuffix("k"))
    texts = [f"audio/convert,f_mp3,ab_{ab}{option}" for option in ("", ",abopt_0", ",abopt_1")]
    found = [int(probe_file(path)["bit_rate"]) for path in await convert_all(source, texts)]
    assert found == [ab, ab, min(ab, theirs)]
    refused = f"audio/convert,f_mp3,ab_{ab},abopt_2"
    if theirs >= ab:
        (path,) = await convert_all(source, [refused])
        assert int(probe_file(path)["bit_rate"]) == ab
    else:
        with pytest.raises(ConversionFailed, match=r"abopt is 2 and the source's bitrate of 64000 bit/s is lower"):
            await convert_all(source, [refused])


async def test_abopt_without_ab_changes_nothing(convert_all: Any, make_audio: MakeAudio) -> None:
    source = make_audio("s.mp3", "-b:a", "64k")
    texts = ["audio/convert,f_mp3", "audio/convert,f_mp3,abopt_1", "audio/convert,f_mp3,abopt_2"]
    plain, *others = [path.read_bytes() for path in await convert_all(source, texts)]
    assert others == [plain, plain]
