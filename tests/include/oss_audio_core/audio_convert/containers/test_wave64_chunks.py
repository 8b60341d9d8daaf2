"""The data chunk of Wave64."""

from __future__ import annotations

import struct
from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.audio_convert.containers.promise import Promise
from oss_audio_core.audio_convert.containers.wave64_chunks import wave64_promise


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    declared = 24 + len(body) if length is None else 24 + length
    return name + bytes(12) + struct.pack("<Q", declared) + body + bytes(-len(body) % 8)


def wave64(*chunks: bytes) -> BytesIO:
    return BytesIO(b"riff" + bytes(36) + b"".join(chunks))


def test_a_whole_and_a_cut_file() -> None:
    assert wave64_promise(wave64(chunk(b"fmt ", bytes(18)), chunk(b"data", bytes(96)))) == Promise(96, 96)
    assert wave64_promise(wave64(chunk(b"fmt ", bytes(18)), chunk(b"data", bytes(96), 960))) == Promise(960, 96)


def test_without_a_data_chunk_nothing_is_promised() -> None:
    assert wave64_promise(wave64(chunk(b"fmt ", bytes(18)))) is None
    assert wave64_promise(wave64(b"data" + bytes(20))) is None
    assert wave64_promise(BytesIO()) is None


@given(st.binary(max_size=400))
def test_any_bytes_end_the_walk(content: bytes) -> None:
    promise = wave64_promise(wave64(content))
    assert promise is None or 0 <= promise.available <= promise.declared
