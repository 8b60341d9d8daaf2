"""The one reader of a wav file's chunks."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.audio_convert.containers.promise import Promise
from oss_audio_core.audio_convert.containers.wave_chunks import Chunk, wave_chunks, wave_promise


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    return name + struct.pack("<I", len(body) if length is None else length) + body + bytes(len(body) % 2)


def wav(*chunks: bytes, magic: bytes = b"RIFF") -> BytesIO:
    return BytesIO(magic + struct.pack("<I", 0) + b"WAVE" + b"".join(chunks))


def test_chunks_come_in_their_order_with_their_places() -> None:
    file = wav(chunk(b"fmt ", bytes(16)), chunk(b"LIST", b"odd"), chunk(b"data", b"1234"))
    assert list(wave_chunks(file)) == [Chunk(b"fmt ", 20, 16), Chunk(b"LIST", 44, 3), Chunk(b"data", 56, 4)]


def test_the_caller_may_read_between_two_chunks() -> None:
    file = wav(chunk(b"fmt ", b"abcd"), chunk(b"data", b"1234"))
    file.seek(7)
    assert [(one.name, file.read(one.length)) for one in wave_chunks(file)] == [(b"fmt ", b"abcd"), (b"data", b"1234")]


def test_a_long_data_chunk_has_the_length_of_ds64() -> None:
    lengths = chunk(b"ds64", struct.pack("<QQQI", 0, 5 << 30, 0, 0))
    found = list(wave_chunks(wav(lengths, chunk(b"data", b"", 0xFFFFFFFF), magic=b"RF64")))
    assert found[-1] == Chunk(b"data", 56, 5 << 30, is_long=True)
    assert not found[-1].is_open


@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
def test_what_ds64_promises(magic: bytes) -> None:
    lengths = chunk(b"ds64", struct.pack("<QQQI", 0, 4000, 0, 0))
    assert wave_promise(wav(lengths, chunk(b"data", bytes(2000), 0xFFFFFFFF), magic=magic)) == Promise(4000, 2000)
    open_ended = chunk(b"ds64", struct.pack("<QQQI", 0, 0, 0, 0))
    assert wave_promise(wav(open_ended, chunk(b"data", bytes(2000), 0xFFFFFFFF), magic=magic)) is None


@pytest.mark.parametrize(
    ("chunks", "promise"),
    [
        ((chunk(b"data", bytes(2000)),), Promise(2000, 2000)),
        ((chunk(b"JUNK", bytes(8)), chunk(b"data", bytes(2000), 4000)), Promise(4000, 2000)),
        ((chunk(b"data", bytes(2000), 0xFFFFFFFF),), None),
        ((chunk(b"data", bytes(2000), 0x7FFFF000),), None),
        ((chunk(b"data", bytes(2000), 0x80000000),), None),
        ((chunk(b"data", bytes(2000), 0xB3D05E00),), Promise(0xB3D05E00, 2000)),
        ((chunk(b"data", b"", 0),), None),
        ((chunk(b"JUNK", bytes(8)),), None),
    ],
)
def test_what_a_data_chunk_promises(chunks: tuple[bytes, ...], promise: Promise | None) -> None:
    assert wave_promise(wav(*chunks)) == promise


def test_without_ds64_the_placeholder_stays() -> None:
    assert [one.length for one in wave_chunks(wav(chunk(b"data", b"12", 0xFFFFFFFF)))] == [0xFFFFFFFF]


def test_a_short_chunk_gives_its_declared_length_and_ends_the_walk() -> None:
    assert list(wave_chunks(wav(chunk(b"data", b"12", 1000), b"data"))) == [Chunk(b"data", 20, 1000)]


def test_other_files_have_no_chunks() -> None:
    assert list(wave_chunks(BytesIO())) == []
    assert list(wave_chunks(BytesIO(b"RIFF\0\0\0\0AVI " + chunk(b"data", b"12")))) == []
    assert list(wave_chunks(wav(chunk(b"data", b"12"), magic=b"RIFX"))) == []


def test_the_walk_ends_after_a_thousand_chunks() -> None:
    assert len(list(wave_chunks(wav(*[chunk(b"JUNK", b"")] * 2000)))) == 1000


@given(st.binary(max_size=400), st.sampled_from([b"RIFF", b"RF64"]))
def test_any_bytes_end_the_walk(content: bytes, magic: bytes) -> None:
    file = wav(content, magic=magic)
    for one in wave_chunks(file):
        assert 20 <= one.start <= len(file.getvalue())
        assert one.length >= 0
