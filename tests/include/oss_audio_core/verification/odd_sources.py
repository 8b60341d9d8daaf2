"""Sources whose length decoders, packets and headers don't agree on."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import av
import crcmod

MakeAudio = Callable[..., Path]
Made = Callable[[MakeAudio], bytes]

_flac_crc8 = crcmod.mkCrcFun(0x107, initCrc=0, rev=False)
_flac_crc16 = crcmod.mkCrcFun(0x18005, initCrc=0, rev=False)


def _file(name: str, *arguments: str, seconds: float = 4.0, rate: int = 44100, channels: int = 2) -> Made:
    return lambda make: make(name, *arguments, seconds=seconds, rate=rate, channels=channels).read_bytes()


def _joined(*parts: Made) -> Made:
    return lambda make: b"".join(part(make) for part in parts)


def _flake_flac(make: MakeAudio) -> bytes:
    """Frames numbered by samples under the mark of frames of one size, as old encoders of variable blocks wrote."""
    plain = make("a.flac", seconds=4).read_bytes()
    with av.open(BytesIO(plain), mode="r") as container:
        frames = [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]
    made, samples = [plain[: plain.index(frames[0])]], 0
    for frame in frames:
        number = _utf8(samples)
        width = len(_utf8(len(made) - 1))
        extra = {6: 1, 7: 2}.get(frame[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(frame[2] & 15, 0)
        head = frame[:4] + number + frame[4 + width : 4 + width + extra]
        body = head + bytes([_flac_crc8(head)]) + frame[4 + width + extra + 1 : -2]
        made.append(body + _flac_crc16(body).to_bytes(2, "big"))
        samples += 4608
    return b"".join(made)


def _utf8(number: int) -> bytes:
    """As FLAC codes numbers: like UTF-8, with surrogates and beyond Unicode."""
    if number < 0x80:
        return bytes([number])
    follow = next(count for count in range(1, 6) if number < 1 << (5 * count + 6))
    tail = bytes(0x80 | number >> 6 * part & 0x3F for part in reversed(range(follow)))
    return bytes([(0xFF00 >> follow + 1) & 0xFF | number >> 6 * follow]) + tail


def _gsm_half_block(make: MakeAudio) -> bytes:
    """GSM in wav: blocks of two frames in 65 bytes, the last one with a frame only, as SoX writes it."""
    blocks = bytes(range(65)) * 100 + bytes(33)
    header = struct.pack("<HHIIHHHH", 49, 1, 8000, 1625, 65, 0, 2, 320)
    chunks = b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(blocks)) + blocks
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def _behind(content: bytes, xing: str = "1") -> Made:
    return lambda make: make("a.mp3", "-write_xing", xing, seconds=4).read_bytes() + content


def _empty_first(make: MakeAudio) -> bytes:
    plain = make("a.aac", seconds=4).read_bytes()
    return plain[:3] + bytes((plain[3] & 0xFC, 0, 0xFF, 0xFC)) + plain


_OPUS = _file("a.opus", "-c:a", "libopus", rate=48000)
_VORBIS = _file("a.ogg", "-c:a", "libvorbis")
_MP3 = _file("a.mp3")
_TS = _file("a.ts", "-c:a", "mp2")

SOURCES: dict[str, Made] = {
    "short Vorbis": _file("a.ogg", "-c:a", "libvorbis", seconds=0.3),
    "Vorbis of 16 kHz": _file("a.ogg", "-c:a", "libvorbis", rate=16000, channels=1, seconds=4.032),
    "Vorbis of 8 kHz": _file("a.ogg", "-c:a", "libvorbis", rate=8000, channels=1),
    "chained Opus": _joined(_OPUS, _OPUS),
    "chained Vorbis": _joined(_VORBIS, _VORBIS, _VORBIS),
    "Speex": _file("a.spx", "-c:a", "libspeex", rate=16000, channels=1),
    "WMA": _file("a.wma", "-c:a", "wmav2"),
    "mp3 in ASF": _file("a.asf", "-c:a", "libmp3lame"),
    "ALAC in CAF": _file("a.caf", "-c:a", "alac"),
    "IMA4 in CAF": _file("a.caf", "-c:a", "adpcm_ima_qt"),
    "IMA ADPCM": _file("a.wav", "-c:a", "adpcm_ima_wav"),
    "AAC in Matroska": _file("a.mkv", "-c:a", "aac"),
    "mp3 in Matroska": _file("a.mkv", "-c:a", "libmp3lame"),
    "AAC in MP4": _file("a.m4a", "-c:a", "aac"),
    "a late start in Matroska": _file("a.mkv", "-c:a", "libmp3lame", "-output_ts_offset", "2.5"),
    "FLAC numbered by samples": _flake_flac,
    "ADTS with an empty first frame": _empty_first,
    "half a block of GSM": _gsm_half_block,
    "mp3 and a byte": _behind(b"x"),
    "mp3 and a line's end": _behind(b"\r\n", "0"),
    "mp3 and zeros": _behind(bytes(1000)),
    "joined mp3": _joined(_MP3, _MP3),
    "joined mp3, stereo and mono": _joined(_MP3, _file("b.mp3", channels=1)),
    "joined transport streams": _joined(_TS, _TS),
    "a transport stream with a gap": _joined(_TS, _file("b.ts", "-c:a", "mp2", "-output_ts_offset", "9")),
    "a transport stream with another clock": _joined(_TS, _file("c.ts", "-c:a", "mp2", "-output_ts_offset", "9000")),
}
"""By what is odd about each; all decode without an error."""
