"""The length that a source's container declares, by chunks that FFmpeg shortens and by headers that count frames."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from oss_local_cloud.imm.engine.declared_length import declared_seconds


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    return name + struct.pack("<I", len(body) if length is None else length) + body


def wav(*chunks: bytes, magic: bytes = b"RIFF") -> bytes:
    return magic + bytes(4) + b"WAVE" + b"".join(chunks)


DS64 = chunk(b"ds64", struct.pack("<QQQI", 0, 4000, 0, 0))


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        (wav(chunk(b"data", bytes(2000))), 1.0),
        (wav(chunk(b"JUNK", bytes(8)), chunk(b"data", bytes(2000), 4000)), 2.0),
        (wav(DS64, chunk(b"data", bytes(2000), 0xFFFFFFFF), magic=b"RF64"), 2.0),
        (wav(chunk(b"data", bytes(2000), 0xFFFFFFFF)), None),
        (wav(chunk(b"data", bytes(2000), 0x7FFFF000)), None),
        (wav(chunk(b"data", b"", 0)), None),
        (wav(chunk(b"JUNK", bytes(8))), None),
        (b"RIFF", None),
    ],
)
def test_the_data_chunk_of_a_wav(tmp_path: Path, content: bytes, seconds: float | None) -> None:
    path = tmp_path / "source.wav"
    path.write_bytes(content)
    assert declared_seconds(path, "wav", True, 1.0, 1.0) == seconds


def test_a_compressed_wav_declares_a_length_only_when_its_data_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "source.wav"
    path.write_bytes(wav(chunk(b"data", bytes(2000))))
    assert declared_seconds(path, "wav", False, 1.0, 1.0) is None
    path.write_bytes(wav(chunk(b"data", bytes(2000), 4000)))
    assert declared_seconds(path, "wav", False, 1.0, 1.0) == 1.0


def test_an_mp3_declares_a_length_where_it_counts_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "source.mp3"
    frame = bytearray(417)
    frame[:4] = b"\xff\xfb\x90\x00"
    path.write_bytes(frame)
    assert declared_seconds(path, "mp3", False, 3.0, 3.0) is None
    frame[36:44] = b"Xing\0\0\0\1"
    path.write_bytes(frame)
    assert declared_seconds(path, "mp3", False, 3.0, 3.0) == 3.0


@pytest.mark.parametrize(
    ("container", "seconds"), [("flac", 3.0), ("matroska,webm", 4.0), ("ogg", None), ("aac", None), ("mpegts", None)]
)
def test_other_containers_declare_it_or_not(tmp_path: Path, container: str, seconds: float | None) -> None:
    path = tmp_path / "source"
    path.write_bytes(b"anything")
    assert declared_seconds(path, container, False, 3.0, 4.0) == seconds
