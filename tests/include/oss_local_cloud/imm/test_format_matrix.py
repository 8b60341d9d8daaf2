"""Every format at every sample rate with one, two and the most channels: converted and probed, or refused.

The rules are the seed's table "Format constraints", written out here; docs/local-cloud-conversion.md shows what came
out, and is compared with it.
"""

from __future__ import annotations

import asyncio
import os
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from oss_audio_core.audio_convert import AudioConvert
from oss_local_cloud.imm import submit_requests
from oss_local_cloud.imm.engine.binaries import Binaries
from oss_local_cloud.imm.engine.ffmpeg import FfmpegEngine
from oss_local_cloud.imm.engine.limits import EngineLimits
from oss_local_cloud.interfaces import ImmClientError

DOCUMENT = Path(__file__).parents[4] / "docs" / "local-cloud-conversion.md"
RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
LEGAL: dict[str, tuple[tuple[int, ...], int]] = {
    "mp3": ((8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000), 2),
    "aac": (RATES, 8),
    "flac": (RATES, 8),
    "oga": (RATES, 8),
    "ac3": ((32000, 44100, 48000), 6),
    "opus": ((8000, 12000, 16000, 24000, 48000), 8),
    "amr": ((8000, 16000), 1),
}
CODECS = {"mp3": "mp3", "aac": "aac", "flac": "flac", "oga": "vorbis", "ac3": "ac3", "opus": "opus"}
CONTAINERS = {"mp3": "mp3", "aac": "aac", "flac": "flac", "oga": "ogg", "ac3": "ac3", "opus": "ogg", "amr": "amr"}
CONVERTED = [
    (f, rate, channels)
    for f, (rates, most) in LEGAL.items()
    for rate in rates
    for channels in sorted({1, 2, most} & set(range(1, most + 1)))
]
REFUSED = [
    (f, rate, channels)
    for f, (rates, most) in LEGAL.items()
    for rate, channels in product(RATES, range(1, 9))
    if rate not in rates or channels > most
]
SECONDS = 0.2


@dataclass(frozen=True)
class Found:
    """The properties of a rendition by its probe.

    `rate` of opus is the input rate of its header. `seconds` are decoded, except for oga, where they are the last
    granule position: FFmpeg does not cut the end of a Vorbis file of a single page.
    """

    codec: str
    container: str
    rate: int
    channels: int
    seconds: float


@pytest.fixture(scope="module")
def renditions(
    binaries: Binaries,
    make_audio: Callable[..., Path],
    probe_file: Callable[[Path], dict[str, Any]],
    decoded_seconds: Callable[[Path], float],
    tmp_path_factory: pytest.TempPathFactory,
) -> Mapping[tuple[str, int, int], Found]:
    """All legal combinations, converted from one clip, as many at once as there are cores."""
    folder = tmp_path_factory.mktemp("matrix")
    source = make_audio("tiny.wav", "-ac", "2", seconds=SECONDS)
    engine = FfmpegEngine(binaries, EngineLimits(), folder)

    async def convert_all() -> dict[tuple[str, int, int], Found]:
        slots = asyncio.Semaphore(os.cpu_count() or 1)

        async def one(f: str, rate: int, channels: int) -> Found:
            target = folder / f"{f}-{rate}-{channels}"
            async with slots:
                convert = AudioConvert.parse(f"audio/convert,f_{f},ar_{rate},ac_{channels}")
                await engine.convert(convert, source, target)
                return await asyncio.to_thread(look, target)

        found = await asyncio.gather(*(one(*combination) for combination in CONVERTED))
        return dict(zip(CONVERTED, found, strict=True))

    def look(path: Path) -> Found:
        probed = probe_file(path)
        rate = int(probed["sample_rate"])
        if probed["codec_name"] == "opus":
            content = path.read_bytes()
            (rate,) = struct.unpack_from("<I", content, content.index(b"OpusHead") + 12)
        seconds = decoded_seconds(path)
        if probed["codec_name"] == "vorbis":
            content = path.read_bytes()
            seconds = struct.unpack_from("<q", content, content.rindex(b"OggS") + 6)[0] / rate
        return Found(probed["codec_name"], probed["container"], rate, probed["channels"], seconds)

    return asyncio.run(convert_all())


@pytest.mark.parametrize("f", LEGAL)
def test_every_legal_combination_comes_out_as_asked(renditions: Mapping[tuple[str, int, int], Found], f: str) -> None:
    asked = [combination for combination in CONVERTED if combination[0] == f]
    assert asked
    for _, rate, channels in asked:
        found = renditions[f, rate, channels]
        codec = CODECS.get(f) or ("amr_nb" if rate == 8000 else "amr_wb")
        assert (found.codec, found.container, found.rate, found.channels) == (codec, CONTAINERS[f], rate, channels)
        # Tolerances of the codecs' frames: 2,047 samples of aac, 1,536 of ac3, one frame of amr.
        grid = {"aac": 2047 / rate, "ac3": 1536 / rate, "amr": 0.025}.get(f, 0.001)
        assert -0.001 <= found.seconds - SECONDS <= grid, (rate, channels, found.seconds)


@pytest.mark.parametrize("f", LEGAL)
def test_every_illegal_combination_is_refused_with_the_parameter_and_what_is_allowed(f: str) -> None:
    rates, most = LEGAL[f]
    for _, rate, channels in [combination for combination in REFUSED if combination[0] == f]:
        with pytest.raises(ImmClientError) as caught:
            submit_requests.parse(f"audio/convert,f_{f},ar_{rate},ac_{channels}|sys/saveas,o_YQ")
        if rate not in rates:
            wrong = f"[ar]:is {rate}; allowed: for f={f}: {', '.join(map(str, rates))} Hz"
        else:
            wrong = f"[ac]:is {channels}; allowed: for f={f}: {'1' if most == 1 else f'1 to {most}'}"
        assert caught.value.status == 400
        assert caught.value.message.startswith(f"InvalidArgument, {wrong} "), (rate, channels)


@pytest.mark.parametrize("wrong", ["ar_7999", "ar_12025", "ar_192000", "ar_0", "ac_0", "ac_9", "ar_44100.0", "ac_"])
@pytest.mark.parametrize("f", LEGAL)
def test_values_no_format_takes_are_refused(f: str, wrong: str) -> None:
    with pytest.raises(ImmClientError, match=rf"InvalidArgument, \[{wrong[:2]}\]:"):
        submit_requests.parse(f"audio/convert,f_{f},{wrong}|sys/saveas,o_YQ")


def test_the_documents_table_is_what_came_out(renditions: Mapping[tuple[str, int, int], Found]) -> None:
    written = re.search(r"<!-- matrix -->\n(.*?)\n<!-- /matrix -->", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert written is not None
    assert written[1] == "\n".join(table(renditions)), "\n" + "\n".join(table(renditions))


def table(renditions: Mapping[tuple[str, int, int], Found]) -> list[str]:
    """The channels that came out for each format and rate, a dash where the request is refused."""
    lines = [f"| `f` | codec | {' | '.join(map(str, RATES))} | refused `ac` |", "|---" * (len(RATES) + 3) + "|"]
    for f in LEGAL:
        mine = {key[1:]: found for key, found in renditions.items() if key[0] == f}
        cells = []
        for rate in RATES:
            channels = [str(found.channels) for (asked, _), found in mine.items() if asked == rate == found.rate]
            cells.append(" ".join(channels) or "–")
        most = max(channels for _, channels in mine)
        codecs = ", ".join(dict.fromkeys(found.codec for found in mine.values()))
        above = "none" if most == 8 else f"{most + 1} to 8"
        lines.append(f"| {f} | {codecs} | {' | '.join(cells)} | {above} |")
    return lines
