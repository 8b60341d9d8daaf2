"""A walk from chunk to chunk ends at the one that is looked for, at the file's end, and in any nonsense."""

from __future__ import annotations

import io
import struct

from oss_audio_core.audio_convert.containers.chunk_walk import Chunk, find_chunk

HEADER = struct.Struct(">4sI")


def walk(content: bytes, name: bytes = b"data") -> Chunk | None:
    file = io.BytesIO(b"head" + content)
    return find_chunk(
        file, name, first=4, header=HEADER, distance=lambda length: HEADER.size + length if length else None
    )


def chunk(name: bytes, content: bytes) -> bytes:
    return HEADER.pack(name, len(content)) + content


def test_the_first_chunk_of_the_name_is_found_behind_others() -> None:
    others = chunk(b"one ", b"abc") + chunk(b"two ", b"data")
    assert walk(others + chunk(b"data", b"12345") + chunk(b"data", b"1")) == Chunk(4 + 11 + 12 + 8, 5)


def test_what_claims_more_than_there_is_is_found_with_its_claim() -> None:
    assert walk(HEADER.pack(b"data", 1 << 31)) == Chunk(12, 1 << 31)


def test_without_such_a_chunk_there_is_none() -> None:
    assert walk(b"") is None
    assert walk(chunk(b"one ", b"abc")) is None
    assert walk(chunk(b"one ", b"abc") + b"dat") is None
    assert walk(HEADER.pack(b"one ", (1 << 32) - 1)) is None
    assert walk(chunk(b"last", b"") + chunk(b"data", b"1")) is None
    assert walk(chunk(b"many", b"x") * 2000 + chunk(b"data", b"1")) is None
