"""The sound data chunk of AIFF."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.audio_convert.containers.aiff_chunks import aiff_promise
from oss_audio_core.audio_convert.containers.promise import Promise


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    return name + struct.pack(">I", len(body) if length is None else length) + body + bytes(len(body) % 2)


def aiff(*chunks: bytes) -> BytesIO:
    return BytesIO(b"FORM" + bytes(4) + b"AIFF" + b"".join(chunks))


def test_a_whole_and_a_cut_file() -> None:
    assert aiff_promise(aiff(chunk(b"COMM", bytes(18)), chunk(b"SSND", bytes(108)))) == Promise(100, 100)
    assert aiff_promise(aiff(chunk(b"ANNO", b"odd"), chunk(b"SSND", bytes(108), 1008))) == Promise(1000, 100)


@pytest.mark.parametrize("length", [0, 0x7F000008, 0x7EFFFFFE, 0xFFFFFFFF])
def test_an_open_length_promises_nothing(length: int) -> None:
    assert aiff_promise(aiff(chunk(b"COMM", bytes(18)), chunk(b"SSND", bytes(108), length))) is None


def test_without_sound_nothing_is_promised() -> None:
    assert aiff_promise(aiff(chunk(b"COMM", bytes(18)))) is None


@given(st.binary(max_size=400))
def test_any_bytes_end_the_walk(content: bytes) -> None:
    promise = aiff_promise(aiff(content))
    assert promise is None or 0 <= promise.available <= promise.declared
