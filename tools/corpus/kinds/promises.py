"""Kind B: what headers promise, kept, left open and broken."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.corpus import recipes
from tools.corpus.case import Case, Make
from tools.corpus.recipes import appended, by_ffmpeg, by_program, changed, cut, piped_by_ffmpeg
from tools.corpus.workshop import Workshop

KIND = "B"

OPEN_LENGTHS = (0x7FFFF000, 0x7FFFEFFC, 0x7FFFFFFF, 0x80000000, 0x80000024, 0xFFFFFF00, 0xFFFFFFDB, 0xFFFFFFFF, 0)
"""Lengths of data chunks that SoX, LAME, FFmpeg and recorders leave when they can't seek back."""

PCM = {
    "16.wav": (),
    "24.wav": ("-c:a", "pcm_s24le"),
    "float.wav": ("-c:a", "pcm_f32le"),
    "rf64.wav": ("-rf64", "always"),
    "pcm.w64": (),
    "pcm.caf": (),
    "float.caf": ("-c:a", "pcm_f32be"),
    "pcm.aiff": (),
    "pcm.au": (),
}
CODED = {
    "ms-adpcm.wav": ("-c:a", "adpcm_ms"),
    "ima-adpcm.wav": ("-c:a", "adpcm_ima_wav"),
    "g726.wav": ("-c:a", "g726", "-ar", "8000", "-ac", "1"),
    "mulaw.wav": ("-c:a", "pcm_mulaw"),
    "mp3.wav": ("-c:a", "libmp3lame"),
    "ac3.wav": ("-c:a", "ac3"),
    "mulaw.au": ("-c:a", "pcm_mulaw"),
    "alaw.caf": ("-c:a", "pcm_alaw"),
    "flac.flac": (),
    "tta.tta": (),
    "wv.wv": (),
}
SOX_PIPES = (
    "wav",
    "wav -b 24",
    "wav -b 8",
    "wav -e float -b 32",
    "wav -e mu-law",
    "wav -e ms-adpcm",
    "wav -e ima-adpcm",
    "wav -e gsm-full-rate -r 8000 -c 1",
    "wav -b 24 -c 6",
    "aiff",
    "aiff -b 24",
    "au",
)
FFMPEG_PIPES = {
    "16.wav": ("-f", "wav"),
    "24.wav": ("-f", "wav", "-c:a", "pcm_s24le"),
    "ms.wav": ("-f", "wav", "-c:a", "adpcm_ms"),
    "pcm.au": ("-f", "au"),
    "flac.flac": ("-f", "flac"),
    "aac.aac": ("-f", "adts"),
    "mp3.mp3": ("-f", "mp3"),
}


def cases() -> Iterator[Case]:
    """All of them."""
    forms = PCM | CODED
    yield from recipes.cases(KIND, {f"whole-{name}": by_ffmpeg(*arguments) for name, arguments in forms.items()})
    lengths = {f"open-{length:08x}.wav": changed(by_ffmpeg(), _data(length)) for length in OPEN_LENGTHS}
    yield from recipes.cases(KIND, lengths)
    adpcm = by_ffmpeg("-c:a", "adpcm_ima_wav")
    rates = {f"byte-rate-{rate}.wav": changed(adpcm, _byte_rate(rate)) for rate in (1, 8_000, 88_200, 1 << 30)}
    yield from recipes.cases(KIND, rates)
    pipes = {f"ffmpeg-pipe-{name}": piped_by_ffmpeg(*arguments) for name, arguments in FFMPEG_PIPES.items()}
    yield from recipes.cases(KIND, pipes)
    sox = {f"sox-pipe-{words.replace(' ', '')}.{words.split()[0]}": _sox_pipe(words) for words in SOX_PIPES}
    yield from recipes.cases(KIND, sox, needs="sox")
    yield from recipes.cases(KIND, {"lame-pipe.wav": _lame_pipe}, needs="lame")
    yield from recipes.cases(KIND, {"opusdec-pipe.wav": _opusdec_pipe}, needs="opusenc")
    tag = appended(b"TAG" + b"title".ljust(125, b"\0"))
    wavpack = by_program("wavpack", "-q", "-y", "IN", "-o", "OUT")
    yield from recipes.cases(KIND, {"wavpack.wv": wavpack, "wavpack-id3v1.wv": changed(wavpack, tag)}, needs="wavpack")
    tagged = {f"id3v1-behind.{name}": changed(by_ffmpeg(), tag) for name in ("flac", "tta", "wv", "wav", "aiff")}
    yield from recipes.cases(KIND, tagged)
    broken = {
        f"cut-at-{part}-{name}": changed(by_ffmpeg(*arguments, seconds=3.0), cut(part))
        for name, arguments in forms.items()
        for part in (0.4, 0.85)
    }
    yield from recipes.cases(KIND, broken, truth="damaged")


def _data(length: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        at = content.index(b"data") + 4
        return content[:at] + struct.pack("<I", length) + content[at + 4 :]

    return change


def _byte_rate(rate: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        at = content.index(b"fmt ") + 16
        return content[:at] + struct.pack("<I", rate) + content[at + 4 :]

    return change


def _sox_pipe(kind: str) -> Make:
    def make(shop: Workshop, target: Path) -> None:
        raw = shop.ffmpeg("-i", shop.wav(), "-f", "s16le", "-")
        source = ("-t", "raw", "-r", "44100", "-e", "signed", "-b", "16", "-c", "2", "-")
        target.write_bytes(shop.run("sox", "-V1", *source, "-t", *kind.split(), "-", stdin=raw))

    return make


def _lame_pipe(shop: Workshop, target: Path) -> None:
    mp3 = shop.scratch / "pipe.mp3"
    shop.run("lame", "--quiet", shop.wav(), mp3)
    target.write_bytes(shop.run("lame", "--quiet", "--decode", mp3, "-"))


def _opusdec_pipe(shop: Workshop, target: Path) -> None:
    opus = shop.scratch / "pipe.opus"
    shop.run("opusenc", "--quiet", shop.wav(rate=48_000), opus)
    target.write_bytes(shop.run("opusdec", "--quiet", "--force-wav", opus, "-"))
