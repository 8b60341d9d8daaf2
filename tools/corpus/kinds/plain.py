"""Kind H: tags in old encodings, cover art, many tags; and plain files of every usual form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from mutagen import id3

from tools.corpus import recipes
from tools.corpus.case import Case, Make
from tools.corpus.recipes import appended, by_ffmpeg, changed
from tools.corpus.workshop import Workshop

KIND = "H"
TITLE = "夜曲 – 第一乐章"

FORMS = {
    "8-bit.wav": ("-c:a", "pcm_u8"),
    "24-bit.wav": ("-c:a", "pcm_s24le"),
    "32-bit.wav": ("-c:a", "pcm_s32le"),
    "alaw.wav": ("-c:a", "pcm_alaw"),
    "aiff.aiff": (),
    "aifc.aifc": ("-c:a", "pcm_s16le", "-f", "aiff"),
    "flac.flac": (),
    "mp3.mp3": ("-b:a", "192k"),
    "mp2.mp2": ("-c:a", "mp2"),
    "vbr.mp3": ("-q:a", "3"),
    "adts.aac": ("-c:a", "aac"),
    "ac3.ac3": ("-c:a", "ac3"),
    "eac3.eac3": ("-c:a", "eac3"),
    "vorbis.oga": ("-c:a", "libvorbis"),
    "opus.opus": ("-c:a", "libopus", "-ar", "48000"),
    "amr-nb.amr": ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"),
    "amr-wb.awb": ("-c:a", "libvo_amrwbenc", "-ar", "16000", "-ac", "1", "-f", "amr"),
    "m4a.m4a": ("-c:a", "aac"),
    "m4b.m4b": ("-c:a", "aac", "-f", "mp4"),
    "wv.wv": (),
    "tta.tta": (),
    "wma.wma": (),
    "au.au": (),
    "mka.mka": ("-c:a", "aac"),
}


def cases() -> Iterator[Case]:
    """All of them."""
    forms = {
        f"{rate}-{channels}ch-{name}": by_ffmpeg(*arguments, rate=rate, channels=channels)
        for name, arguments in FORMS.items()
        for rate, channels in ((44_100, 2), (48_000, 1))
    }
    yield from recipes.cases(KIND, forms)
    mp3 = by_ffmpeg("-b:a", "64k")
    tags = {
        "gbk-as-latin-1.mp3": _tagged(mp3, lambda tag: tag.add(id3.TIT2(encoding=0, text=[_mojibake()]))),
        "utf-16.mp3": _tagged(mp3, lambda tag: tag.add(id3.TIT2(encoding=1, text=[TITLE]))),
        "300-kb-of-tags.mp3": _tagged(mp3, lambda tag: tag.add(id3.COMM(encoding=3, lang="eng", text=["x" * 300_000]))),
        "cover.mp3": _tagged(mp3, lambda tag: tag.add(_cover(150_000))),
        "large-cover.mp3": _tagged(mp3, lambda tag: tag.add(_cover(2_000_000))),
        "gbk-id3v1.mp3": changed(mp3, appended(b"TAG" + TITLE.encode("gbk")[:30].ljust(125, b"\0"))),
        "gbk-info.wav": changed(
            by_ffmpeg("-metadata", "title=" + "x" * 16),
            lambda wav: wav.replace(b"x" * 16, TITLE.encode("gbk", "replace")[:16].ljust(16)),
        ),
        "long-comment.flac": by_ffmpeg("-metadata", "comment=" + "y" * 100_000),
        "many-tags.ogg": by_ffmpeg(
            "-c:a", "libvorbis", *(word for n in range(40) for word in ("-metadata", f"tag{n}={'z' * 500}"))
        ),
    }
    yield from recipes.cases(KIND, tags)


def _mojibake() -> str:
    return TITLE.replace("–", "-").encode("gbk").decode("latin-1")


def _cover(size: int) -> id3.APIC:
    return id3.APIC(encoding=3, mime="image/png", type=3, desc="cover", data=b"\x89PNG\r\n\x1a\n" + bytes(size))


def _tagged(make: Make, tagging: Callable[[id3.ID3], object]) -> Make:
    def made(shop: Workshop, target: Path) -> None:
        make(shop, target)
        tag = id3.ID3()
        tagging(tag)
        tag.save(target)

    return made
