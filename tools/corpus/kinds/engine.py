"""Kind G: good files that plain FFmpeg converts, and that an engine may misunderstand."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from tools.corpus import recipes
from tools.corpus.case import Case, Make
from tools.corpus.kinds.lengths import BEHIND
from tools.corpus.recipes import appended, by_ffmpeg, by_program, changed, joined
from tools.corpus.workshop import Workshop, music

KIND = "G"


def cases() -> Iterator[Case]:
    """All of them."""
    gapless = {
        f"gapless-{rate}.mp3": by_ffmpeg("-b:a", "24k", rate=rate, channels=1)
        for rate in (8_000, 11_025, 12_000, 16_000, 22_050, 24_000)
    }
    yield from recipes.cases(KIND, gapless)
    vbr = by_ffmpeg("-q:a", "5", seconds=4.0)
    yield from recipes.cases(
        KIND, {f"vbr-with-{name}-behind.mp3": changed(vbr, appended(tail)) for name, tail in BEHIND.items()}
    )
    frames: dict[str, Make] = {}
    for count in (1, 2, 3, 4, 6):
        frames[f"{count}-frames.mp3"] = by_ffmpeg(
            "-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0", samples=1152 * count
        )
        frames[f"{count}-frames.mp2"] = by_ffmpeg("-c:a", "mp2", "-b:a", "192k", samples=1152 * count)
        frames[f"{count}-frames-xing.mp3"] = by_ffmpeg("-b:a", "128k", samples=1152 * count)
    yield from recipes.cases(KIND, frames)
    for bits, holder in ((24, 32), (20, 32), (20, 24), (12, 16)):
        name = f"{bits}-valid-bits-in-{holder}.wav"
        yield Case(KIND, name, _valid_bits(bits, holder), decoder=f"pcm_s{holder}le")
    jumps: dict[str, Make] = {
        "jump.mka": _with_jump("libmp3lame", 20.0),
        "jump-flac.mka": _with_jump("flac", 3600.0),
        "jump.m4a": _with_jump("aac", 5.0),
        "jump.ts": _with_jump("mp2", 100.0),
        "dtx-gaps.mka": _without_packets("libopus", 1.0, 2.0),
        "gap.mka": _without_packets("libmp3lame", 1.0, 2.2),
        "gap.m4a": _without_packets("aac", 1.0, 2.2),
        "gap.flv": _without_packets("libmp3lame", 0.5, 1.5),
        "late-m4a.m4a": _late("aac", 2.0),
        "late.webm": _late("libopus", 4.0),
        "joined-different.mp3": joined(by_ffmpeg("-b:a", "64k", seconds=0.7), by_ffmpeg("-b:a", "192k", seconds=1.6)),
    }
    yield from recipes.cases(KIND, jumps)
    lame = {
        f"lame-{rate}.mp3": by_program("lame", "--quiet", "-b", "16", "IN", "OUT", rate=rate, channels=1, seconds=1.4)
        for rate in (8_000, 11_025, 16_000)
    }
    yield from recipes.cases(KIND, lame, needs="lame")


def _valid_bits(bits: int, holder: int) -> Make:
    """WAVE_FORMAT_EXTENSIBLE with fewer valid bits than a sample's container has."""

    def make(_shop: Workshop, target: Path) -> None:
        rate, channels = 48_000, 2
        played = (music(rate * 2, rate, channels) * 0.9 * (1 << 31)).round().astype("<i4")
        held = holder // 8
        data = played.view("u1").reshape(-1, 4)[:, 4 - held :].tobytes()
        block = channels * held
        guid = bytes.fromhex("0100000000001000800000aa00389b71")  # PCM
        extensible = struct.pack("<HHIIHHHHI", 0xFFFE, channels, rate, rate * block, block, holder, 22, bits, 3) + guid
        chunks = (
            b"fmt " + struct.pack("<I", len(extensible)) + extensible + b"data" + struct.pack("<I", len(data)) + data
        )
        target.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)

    return make


def _with_jump(codec: str, seconds: float) -> Make:
    """Timestamps that jump in the middle, as of a recording that was interrupted."""
    return by_ffmpeg("-af", f"asetpts=PTS+gt(T\\,1)*{seconds}/TB", "-c:a", codec, rate=48_000)


def _without_packets(codec: str, begin: float, end: float) -> Make:
    """Packets left out in the middle, as encoders do in silence."""
    return by_ffmpeg("-af", f"aselect=not(between(t\\,{begin}\\,{end}))", "-c:a", codec, seconds=3.0, rate=48_000)


def _late(codec: str, seconds: float) -> Make:
    def make(shop: Workshop, target: Path) -> None:
        shop.ffmpeg("-itsoffset", str(seconds), "-i", shop.wav(2.0, 48_000), "-c:a", codec, f"file:{target}")

    return make
