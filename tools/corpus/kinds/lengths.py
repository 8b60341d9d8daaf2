"""Kind A: sources whose packets, headers and decoded samples disagree about the length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tools.corpus import recipes
from tools.corpus.case import Case, Make
from tools.corpus.recipes import appended, by_ffmpeg, by_program, changed, joined
from tools.corpus.workshop import Workshop

KIND = "A"

BEHIND = {
    "one-byte": b"\0",
    "crlf": b"\r\n",
    "zeros": bytes(4096),
    "text": b"downloaded from somewhere\n",
    "lyrics3": b"LYRICSBEGIN" + b"IND0000200ETT00005title" + b"000034LYRICS200" + b"TAG" + b"title".ljust(125, b"\0"),
    "id3v1": b"TAG" + b"title".ljust(125, b"\0"),
    "ape": b"APETAGEX\xd0\x07\0\0\x33\0\0\0\x01\0\0\0\0\0\0\x80"
    + bytes(8)
    + b"\x05\0\0\0\0\0\0\0Title\0hello"
    + b"APETAGEX\xd0\x07\0\0\x33\0\0\0\x01\0\0\0\0\0\0\x80"
    + bytes(8),
}
"""What stands behind the last frame of mp3 files."""


def cases() -> Iterator[Case]:
    """All of them."""
    yield from recipes.cases(KIND, _vorbis())
    yield from recipes.cases(KIND, _oggenc(), needs="oggenc")
    yield from recipes.cases(KIND, _chained(), needs="opusenc oggenc")
    yield from recipes.cases(KIND, _speex(), needs="speexenc")
    yield from recipes.cases(KIND, _mp3())
    yield from recipes.cases(KIND, _lame(), needs="lame")
    yield from recipes.cases(KIND, _other_containers())
    yield from recipes.cases(KIND, _sox(), needs="sox")


def _vorbis() -> dict[str, Make]:
    return {
        f"vorbis-{rate}-{channels}ch-{samples}.ogg": by_ffmpeg(
            "-c:a", "libvorbis", rate=rate, channels=channels, samples=samples
        )
        for rate in (8_000, 16_000, 22_050, 44_100)
        for channels, samples in ((1, rate // 10), (2, rate // 3), (1, rate + 17), (2, 2 * rate + 1))
    }


def _oggenc() -> dict[str, Make]:
    return {
        f"oggenc-{rate}-{samples}.ogg": by_program(
            "oggenc", "-Q", "-q", "4", "-o", "OUT", "IN", rate=rate, channels=1, samples=samples
        )
        for rate in (8_000, 16_000, 44_100)
        for samples in (700, rate // 4, rate, 5 * rate // 2)
    }


def _chained() -> dict[str, Make]:
    def opus(seconds: float) -> Make:
        return by_program("opusenc", "--quiet", "IN", "OUT", seconds=seconds, rate=48_000)

    def vorbis(seconds: float, seed: str) -> Make:
        return by_program("oggenc", "-Q", "-s", seed, "-o", "OUT", "IN", seconds=seconds)

    return {
        "chained-2.opus": joined(opus(1.0), opus(1.5)),
        "chained-3.opus": joined(opus(0.5), opus(1.0), opus(0.7)),
        "chained-2.ogg": joined(vorbis(1.0, "1"), vorbis(1.5, "2")),
        "chained-3.ogg": joined(vorbis(1.0, "1"), vorbis(0.5, "2"), vorbis(1.2, "3")),
    }


def _speex() -> dict[str, Make]:
    return {
        f"speex-{rate}-{number}.spx": by_program(
            "speexenc", "--quiet", *flags, "IN", "OUT", rate=rate, channels=channels, seconds=seconds
        )
        for rate in (8_000, 16_000, 32_000)
        for number, (channels, seconds, flags) in enumerate(
            ((1, 1.0, ()), (2, 2.3, ()), (1, 1.7, ("--vbr",)), (1, 2.0, ("--nframes", "5")))
        )
    }


def _mp3() -> dict[str, Make]:
    plain = by_ffmpeg("-b:a", "128k")
    bare = by_ffmpeg("-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0")
    made = {f"mp3-with-{name}-behind.mp3": changed(plain, appended(tail)) for name, tail in BEHIND.items()}
    made |= {f"mp3-bare-with-{name}-behind.mp3": changed(bare, appended(tail)) for name, tail in BEHIND.items()}
    made["mp3-joined.mp3"] = joined(plain, by_ffmpeg("-b:a", "128k", seconds=1.3))
    made["mp3-joined-bare.mp3"] = joined(bare, bare)
    made["mp3-joined-stereo-mono.mp3"] = joined(bare, by_ffmpeg("-write_xing", "0", "-id3v2_version", "0", channels=1))
    made["mp3-joined-three.mp3"] = joined(plain, plain, plain)
    for rate in (8_000, 16_000, 22_050, 44_100):
        made[f"mp3-in-{rate}.mka"] = by_ffmpeg("-c:a", "libmp3lame", rate=rate)
    return made


def _lame() -> dict[str, Make]:
    return {
        f"lame-{rate}-{samples}{'-'.join(flags)}.mp3": by_program(
            "lame", "--quiet", *flags, "IN", "OUT", rate=rate, channels=2, samples=samples
        )
        for rate in (8_000, 16_000, 24_000, 44_100)
        for samples, flags in (
            (rate, ()),
            (2 * rate + 1, ("-V", "4")),
            (rate + 577, ("--nogap", "IN")[:0]),
            (rate // 5, ("-t",)),
        )
    }


def _other_containers() -> dict[str, Make]:
    codecs = {
        "wmav1.wma": ("-c:a", "wmav1"),
        "wmav2.wma": ("-c:a", "wmav2"),
        "alac.caf": ("-c:a", "alac"),
        "ima4.caf": ("-c:a", "adpcm_ima_qt"),
        "opus.caf": ("-c:a", "libopus", "-ar", "48000"),
        "aac.mka": ("-c:a", "aac"),
        "aac.mkv": ("-c:a", "aac"),
        "vorbis.webm": ("-c:a", "libvorbis"),
        "opus.webm": ("-c:a", "libopus", "-ar", "48000"),
        "aac.m4a": ("-c:a", "aac"),
        "alac.m4a": ("-c:a", "alac"),
        "ac3.mp4": ("-c:a", "ac3"),
        "mp3.mp4": ("-c:a", "libmp3lame"),
        "flac.mka": ("-c:a", "flac"),
        "flac.ogg": ("-c:a", "flac"),
        "aac.flv": ("-c:a", "aac"),
        "aac.ts": ("-c:a", "aac"),
        "mp2.ts": ("-c:a", "mp2"),
        "mp2.avi": ("-c:a", "mp2"),
        "ac3.avi": ("-c:a", "ac3"),
        "aac.aac": ("-c:a", "aac"),
        "amr.3gp": ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"),
        "nellymoser.flv": ("-c:a", "nellymoser", "-ac", "1", "-ar", "22050"),
    }
    made = {
        f"{number}-{name}": by_ffmpeg(*arguments, seconds=seconds)
        for name, arguments in codecs.items()
        for number, seconds in enumerate((1.0, 2.337))
    }
    made["joined.ts"] = joined(by_ffmpeg("-c:a", "mp2"), by_ffmpeg("-c:a", "mp2", seconds=1.1))
    made["adts-joined.aac"] = joined(by_ffmpeg("-c:a", "aac"), by_ffmpeg("-c:a", "aac"))
    made["adts-empty-first.aac"] = changed(by_ffmpeg("-c:a", "aac"), _empty_first_frame)
    made["late-by-10-s.mka"] = _late("libmp3lame", 10.0)
    made["late-by-3-s-flac.mka"] = _late("flac", 3.0)
    made["late-with-video.mkv"] = _late_with_video
    return made


def _empty_first_frame(content: bytes) -> bytes:
    """An ADTS frame of seven bytes, which has only its header, as some recorders begin with."""
    header = bytearray(content[:7])
    header[3], header[4], header[5] = header[3] & 0xFC, 0, (7 << 5) | 0x1F
    return bytes(header) + content


def _late(codec: str, seconds: float) -> Make:
    def make(shop: Workshop, target: Path) -> None:
        shop.ffmpeg("-itsoffset", str(seconds), "-i", shop.wav(), "-c:a", codec, f"file:{target}")

    return make


def _late_with_video(shop: Workshop, target: Path) -> None:
    video = ("-f", "lavfi", "-i", "color=black:s=64x64:r=5:d=6")
    shop.ffmpeg(*video, "-itsoffset", "2.5", "-i", shop.wav(), "-c:v", "mpeg4", "-c:a", "aac", f"file:{target}")


def _sox() -> dict[str, Make]:
    made: dict[str, Make] = {
        f"sox-gsm-{samples}.wav": by_program(
            "sox", "IN", "-e", "gsm-full-rate", "-r", "8000", "-c", "1", "OUT", rate=8_000, channels=1, samples=samples
        )
        for samples in (8_000, 8_100, 16_321, 40_000)
    }
    for encoding in ("ms-adpcm", "ima-adpcm"):
        for samples in (8_000, 22_051, 44_103):
            made[f"sox-{encoding}-{samples}.wav"] = by_program("sox", "IN", "-e", encoding, "OUT", samples=samples)
    return made
