"""Kind E: sources that are known to be damaged, each beside its good twin where the twin is in no other kind."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from tools.corpus import recipes
from tools.corpus.case import Case, Make
from tools.corpus.recipes import by_ffmpeg, by_program, changed, cut, zeroed
from tools.corpus.workshop import Workshop

KIND = "E"

CODECS = {
    "flac.flac": (),
    "tta.tta": (),
    "wv.wv": (),
    "alac.m4a": ("-c:a", "alac", "-movflags", "+faststart"),
    "aac.m4a": ("-c:a", "aac", "-movflags", "+faststart"),
    "vorbis.ogg": ("-c:a", "libvorbis"),
    "opus.opus": ("-c:a", "libopus", "-ar", "48000"),
    "mp3.mp3": ("-b:a", "128k"),
    "flac.mka": ("-c:a", "flac"),
}
CUT = {
    **CODECS,
    "wma.wma": (),
    "mp3.avi": ("-c:a", "libmp3lame"),
    "mp2.avi": ("-c:a", "mp2"),
    "aac.flv": ("-c:a", "aac"),
}


def cases() -> Iterator[Case]:
    """All of them."""
    cut_short = {
        f"cut-at-{part}-{name}": changed(by_ffmpeg(*arguments, seconds=4.0), cut(part))
        for name, arguments in CUT.items()
        for part in (0.35, 0.7)
    }
    yield from recipes.cases(
        KIND,
        cut_short
        | {
            "cut-video.mkv": changed(_video("-c:a", "aac"), cut(0.5)),
            "cut-video.avi": changed(_video("-c:a", "libmp3lame"), cut(0.5)),
        },
        truth="damaged",
    )
    yield from recipes.cases(
        KIND,
        {
            "whole-video.mkv": _video("-c:a", "aac"),
            "whole-video.avi": _video("-c:a", "libmp3lame"),
            "whole-video.mp4": _video("-c:a", "aac"),
        },
    )
    middle = {
        f"zeros-in-{name}": changed(by_ffmpeg(*arguments, seconds=4.0), zeroed(0.5, 0.6))
        for name, arguments in CODECS.items()
    }
    yield from recipes.cases(KIND, middle, truth="damaged")
    second_half = {
        f"second-half-zeroed-{name}": changed(by_ffmpeg(*arguments, seconds=4.0), zeroed(0.5, 1.0))
        for name, arguments in CODECS.items()
    }
    yield from recipes.cases(KIND, second_half, truth="damaged")
    yield from recipes.cases(
        KIND,
        {
            "wrong-md5.flac": changed(by_ffmpeg(), _other_md5),
            "wrong-md5-24.flac": changed(by_ffmpeg("-sample_fmt", "s32"), _other_md5),
        },
        truth="damaged",
    )
    yield from recipes.cases(
        KIND, {"no-md5.flac": changed(by_ffmpeg(), _no_md5), "24-bits.flac": by_ffmpeg("-sample_fmt", "s32")}
    )
    stale = {"lame-retagged.mp3": changed(by_program("lame", "--quiet", "IN", "OUT"), _stale_crc)}
    yield from recipes.cases(KIND, stale, needs="lame")
    yield from recipes.cases(KIND, {"flac-tool.flac": by_program("flac", "-s", "-f", "IN", "-o", "OUT")}, needs="flac")
    yield from recipes.cases(
        KIND,
        {
            "flipped-bit.flac": changed(by_ffmpeg(seconds=3.0), _flipped),
            "flipped-bit.ogg": changed(by_ffmpeg("-c:a", "libvorbis", seconds=3.0), _flipped),
        },
        truth="damaged",
    )
    nothing = {
        "text.mp3": _content(b"this is text\n" * 80),
        "empty.wav": _content(b""),
        "noise.mp3": _content(bytes(range(7, 251)) * 200),
        "picture.mp3": _content(b"\x89PNG\r\n\x1a\n" + bytes(2000)),
    }
    yield from recipes.cases(KIND, nothing, truth="damaged")


def _content(content: bytes) -> Make:
    return lambda _shop, target: _ignore(target.write_bytes(content))


def _ignore(_: int) -> None:
    return None


def _video(*audio: str) -> Make:
    def make(shop: Workshop, target: Path) -> None:
        video = ("-f", "lavfi", "-i", "testsrc=s=128x96:r=10:d=4")
        shop.ffmpeg(*video, "-i", shop.wav(4.0), "-c:v", "mpeg4", *audio, f"file:{target}")

    return make


def _other_md5(content: bytes) -> bytes:
    at = content.index(b"fLaC") + 8 + 18
    return content[:at] + bytes(byte ^ 0x5A for byte in content[at : at + 16]) + content[at + 16 :]


def _no_md5(content: bytes) -> bytes:
    at = content.index(b"fLaC") + 8 + 18
    return content[:at] + bytes(16) + content[at + 16 :]


def _flipped(content: bytes) -> bytes:
    at = len(content) * 2 // 3
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]


def _stale_crc(content: bytes) -> bytes:
    """Another CRC of the music, as a program leaves it that edits frames (a gain, say) and not LAME's tag."""
    at = content.index(b"LAME") + 32
    (old,) = struct.unpack_from(">H", content, at)
    return content[:at] + struct.pack(">H", old ^ 0x0101) + content[at + 2 :]
