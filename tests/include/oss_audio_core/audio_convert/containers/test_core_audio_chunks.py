"""The data chunk of CAF."""

from __future__ import annotations

import struct
from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.audio_convert.containers.core_audio_chunks import core_audio_promise
from oss_audio_core.audio_convert.containers.promise import Promise


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    return name + struct.pack(">q", len(body) if length is None else length) + body


def caf(*chunks: bytes) -> BytesIO:
    return BytesIO(b"caff\0\1\0\0" + b"".join(chunks))


def test_a_whole_and_a_cut_file() -> None:
    assert core_audio_promise(caf(chunk(b"desc", bytes(32)), chunk(b"data", bytes(104)))) == Promise(100, 100)
    assert core_audio_promise(caf(chunk(b"free", bytes(7)), chunk(b"data", bytes(104), 1004))) == Promise(1000, 100)


def test_a_chunk_to_the_end_of_the_file_promises_nothing() -> None:
    assert core_audio_promise(caf(chunk(b"data", bytes(104), -1))) is None
    assert core_audio_promise(caf(chunk(b"desc", bytes(32)))) is None


@given(st.binary(max_size=400))
def test_any_bytes_end_the_walk(content: bytes) -> None:
    promise = core_audio_promise(caf(content))
    assert promise is None or 0 <= promise.available <= promise.declared
