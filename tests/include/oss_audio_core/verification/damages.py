"""Renditions of every format, and what can happen to them: the rows and columns of the table in docs/verification.md.

Scaled down: 24 seconds instead of a minute, 240 instead of ten.
"""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import crcmod

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.audio_convert.containers.mp3_header import crc16, read_mp3_header

SECONDS = 24
LONG = 240

ENCODERS: dict[str, tuple[str, ...]] = {
    "mp3": ("-c:a", "libmp3lame", "-f", "mp3"),
    "aac": ("-c:a", "aac", "-f", "adts"),
    "flac": ("-c:a", "flac", "-sample_fmt", "s16", "-f", "flac"),
    "oga": ("-c:a", "libvorbis", "-f", "oga"),
    "ac3": ("-c:a", "ac3", "-f", "ac3"),
    "opus": ("-c:a", "libopus", "-f", "opus"),
    "amr": ("-c:a", "libopencore_amrnb", "-f", "amr"),
}
FORMATS = tuple(ENCODERS)

ASKED: dict[str, AudioConvert] = {
    "mp3": AudioConvert(f="mp3", ar=22050, ac=2, ab=64000),
    "aac": AudioConvert(f="aac", ar=22050, ac=2, ab=64000),
    "flac": AudioConvert(f="flac", ar=16000, ac=2, adepth=16),
    "oga": AudioConvert(f="oga", ar=22050, ac=2, ab=64000),
    "ac3": AudioConvert(f="ac3", ar=32000, ac=2, ab=96000),
    "opus": AudioConvert(f="opus", ar=24000, ac=2, ab=48000),
    "amr": AudioConvert(f="amr", ar=8000, ac=1, ab=12200),
}
OTHER_RATE = {"mp3": 24000, "aac": 24000, "flac": 22050, "oga": 16000, "ac3": 48000, "opus": 16000, "amr": 16000}

_ogg_crc = crcmod.mkCrcFun(0x104C11DB7, initCrc=0, rev=False)


@dataclass
class Studio:
    """Makes sources and renditions with the static FFmpeg, each one once."""

    ffmpeg: str
    folder: Path
    made: dict[tuple[object, ...], Path] = field(default_factory=dict)

    def source(self, seconds: int = SECONDS, tones: tuple[int, int] = (440, 660), sway: float = 1.0) -> Path:
        """Two tones that come and go, with noise."""
        voices = "|".join(
            f"(0.2*sin({tone}*2*PI*t)+0.05*(random({number})-0.5))*(0.6+0.4*sin({sway}*t))"
            for number, tone in enumerate(tones)
        )
        return self._make(("source", seconds, tones, sway), f"aevalsrc={voices}:s=32000:d={seconds}", ("-f", "wav"))

    def rendition(self, f: str, **changes: object) -> bytes:
        """What a right service makes for `ASKED[f]`, or for the changed wish.

        `silent` takes silence for the source, `other` another sound.
        """
        silent, other = bool(changes.pop("silent", False)), bool(changes.pop("other", False))
        wish = replace(ASKED[f], **changes)
        encoder = ENCODERS[wish.f] if wish.ar != 16000 or wish.f != "amr" else ("-c:a", "libvo_amrwbenc", "-f", "amr")
        bitrate = ("-b:a", str(wish.ab)) if wish.ab else ()
        shape = ("-ar", str(wish.ar), "-ac", str(wish.ac), *bitrate, *encoder)
        source = f"anullsrc=r=32000:cl=stereo:d={SECONDS}" if silent else str(self.source())
        source = str(self.source(tones=(1000, 250), sway=3.0)) if other else source
        return self._make(("rendition", shape, silent, other), source, shape).read_bytes()

    def _make(self, key: tuple[object, ...], source: str, arguments: tuple[str, ...]) -> Path:
        if key not in self.made:
            target = self.folder / f"{len(self.made)}"
            kind = () if source.startswith("/") else ("-f", "lavfi")
            command = [self.ffmpeg, "-nostdin", "-v", "error", "-threads", "1", *kind, "-i", source, "-threads", "1"]
            subprocess.run([*command, *arguments, f"file:{target}"], check=True, timeout=120)
            self.made[key] = target
        return self.made[key]


Damage = Callable[[Studio, str], bytes]


def truncated(percent: int) -> Damage:
    def cut(studio: Studio, f: str) -> bytes:
        whole = studio.rendition(f)
        return whole[: len(whole) * percent // 100]

    return cut


def zero_bytes(_studio: Studio, _f: str) -> bytes:
    return b""


def wrong_codec(studio: Studio, f: str) -> bytes:
    other = "aac" if f == "mp3" else "mp3"
    return studio.rendition(other)


def silence(studio: Studio, f: str) -> bytes:
    return studio.rendition(f, silent=True)


def another_sound(studio: Studio, f: str) -> bytes:
    return studio.rendition(f, other=True)


def wrong_rate(studio: Studio, f: str) -> bytes:
    return studio.rendition(f, ar=OTHER_RATE[f], **({"ab": 12650} if f == "amr" else {}))


def wrong_channels(studio: Studio, f: str) -> bytes:
    return studio.rendition(f, ac=1)


def long_header(studio: Studio, f: str) -> bytes:
    """The header of a rendition of `LONG` seconds before the audio of `SECONDS`, its own checksums right."""
    data = bytearray(studio.rendition(f))
    if f == "flac":
        # STREAMINFO's number of samples: 36 bits, of which the first 4 share a byte.
        total = int.from_bytes(data[21:26], "big")
        samples = total & (1 << 36) - 1
        data[21:26] = (total - samples + samples * LONG // SECONDS).to_bytes(5, "big")
    elif f == "mp3":
        _stretch_mp3(data)
    elif f in {"oga", "opus"}:
        _stretch_ogg(data)
    return bytes(data)


def _stretch_mp3(data: bytearray) -> None:
    header = read_mp3_header(bytes(data))
    assert header is not None
    tag = data.find(b"Info", header.at)
    frames, size = struct.unpack_from(">II", data, tag + 8)
    struct.pack_into(">II", data, tag + 8, frames * LONG // SECONDS, size * LONG // SECONDS)
    struct.pack_into(">H", data, header.at + 190, crc16(bytes(data[header.at : header.at + 190])))


def _stretch_ogg(data: bytearray) -> None:
    page = data.rfind(b"OggS")
    (granule,) = struct.unpack_from("<q", data, page + 6)
    struct.pack_into("<q", data, page + 6, granule * LONG // SECONDS)
    struct.pack_into("<I", data, page + 22, 0)
    struct.pack_into("<I", data, page + 22, _ogg_crc(bytes(data[page:])))


def flips(studio: Studio, f: str, count: int) -> Iterator[bytes]:
    """One bit each, in `count` places from the first frame on (tags and padding before it carry no sound)."""
    whole = studio.rendition(f)
    begin = {"flac": whole.find(b"\xff\xf8"), "mp3": whole.find(b"\xff")}.get(f, 0)
    places = random.Random(f"flips in {f}")
    for _ in range(count):
        bit = places.randrange(begin * 8, len(whole) * 8)
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        yield bytes(damaged)


DAMAGES: dict[str, Damage] = {
    "truncated at 1 %": truncated(1),
    "truncated at 50 %": truncated(50),
    "truncated at 99 %": truncated(99),
    "zero bytes": zero_bytes,
    "right extension, wrong codec": wrong_codec,
    "silence": silence,
    "another sound of the same length": another_sound,
    "wrong rate": wrong_rate,
    "wrong channel count": wrong_channels,
    "header says ten times what is there": long_header,
}
