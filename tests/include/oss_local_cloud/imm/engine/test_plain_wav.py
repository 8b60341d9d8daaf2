"""The headers that are read without a program: the same answer as ffprobe's, or none."""

from __future__ import annotations

import asyncio
import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oss_audio_core.audio_convert.containers.declared_length import DemuxerLengths
from oss_local_cloud.imm.engine import plain_wav
from oss_local_cloud.imm.engine.binaries import Binaries
from oss_local_cloud.imm.engine.failure import ConversionFailed
from oss_local_cloud.imm.engine.limits import EngineLimits
from oss_local_cloud.imm.engine.source import Source, probe, probe_by_program


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    """A chunk, padded to an even length; `length` is what it claims."""
    return name + struct.pack("<I", len(body) if length is None else length) + body + bytes(len(body) % 2)


def fmt(rate: int = 44100, channels: int = 2, bits: int = 16, tag: int = 1) -> bytes:
    block = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits))


def wav(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def noise(length: int) -> bytes:
    """Nothing in it looks like the beginning of something coded."""
    return bytes(byte & 0x7F | 1 for byte in random.Random(length).randbytes(length))


PCM = chunk(b"data", noise(40_000))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=st.sampled_from([8000, 11025, 44100, 48000, 96000, 192000]) | st.integers(4000, 384_000),
    channels=st.sampled_from([1, 2]),
    bits=st.sampled_from([8, 16, 24, 32]),
    frames=st.integers(300, 20_000),
    before=st.lists(st.sampled_from([chunk(b"JUNK", bytes(92)), chunk(b"LIST", b"INFOIART\4\0\0\0me!\0")]), max_size=2),
    behind=st.lists(
        st.sampled_from([chunk(b"LIST", b"INFOINAM\6\0\0\0night\0"), chunk(b"bext", bytes(602))]), max_size=2
    ),
    missing=st.integers(0, 2000),
)
def test_a_plain_header_says_what_ffprobe_says(
    binaries: Binaries,
    tmp_path: Path,
    rate: int,
    channels: int,
    bits: int,
    frames: int,
    before: list[bytes],
    behind: list[bytes],
    missing: int,
) -> None:
    samples = noise(frames * channels * bits // 8)
    content = wav(fmt(rate, channels, bits), *before, chunk(b"data", samples), *behind)
    path = tmp_path / "source.wav"
    path.write_bytes(content if behind else content[: len(content) - min(missing, len(samples) // 2)])
    assert plain_wav.read(path) is not None
    found = asyncio.run(probe(path, binaries, EngineLimits(), tmp_path))
    said = asyncio.run(probe_by_program(path, binaries, EngineLimits(), tmp_path))
    # Of a wav file the data chunk tells the length, whatever the demuxer says.
    assert {**vars(found), "lengths": None} == {**vars(said), "lengths": None}


@pytest.mark.parametrize(
    "content",
    [
        wav(fmt(tag=3, bits=32), PCM),
        wav(fmt(channels=3), PCM),
        wav(fmt(bits=12), PCM),
        wav(fmt(rate=400_000), PCM),
        wav(fmt(rate=999), PCM),
        wav(fmt(), chunk(b"data", bytes(3))),
        wav(fmt(), chunk(b"LIST", b"INF"), PCM),
        wav(fmt(), PCM, chunk(b"LIST", b"")),
        wav(chunk(b"bext", bytes(601)), fmt(), PCM),
        wav(fmt()[:-2] + b"\x18\0", PCM),
        wav(chunk(b"fmt ", fmt()[8:] + bytes(24)), PCM),
        wav(PCM, fmt()),
        wav(fmt()),
        wav(fmt(), fmt(), PCM),
        wav(fmt(), PCM, PCM),
        wav(fmt(), chunk(b"XMA2", bytes(44)), PCM),
        wav(fmt(), chunk(b"data", b"")),
        wav(fmt(), chunk(b"data", noise(4000), 0xFFFFFFFF)),
        wav(fmt(), chunk(b"data", noise(4000), 0x7FFFF000)),
        wav(*[chunk(b"JUNK", b"")] * 200, fmt(), PCM),
        wav(fmt(), chunk(b"JUNK", bytes(60_000)), PCM),
        wav(fmt(), PCM).replace(b"RIFF", b"RF64"),
        wav(fmt(), PCM)[:40],
        wav(fmt(), PCM, chunk(b"bext", bytes(602)))[:-1],
        wav()[:10],
        b"ID3\4" + wav(fmt(), PCM),
    ],
)
def test_whatever_is_not_plain_is_left_to_ffprobe(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "source.wav"
    path.write_bytes(content)
    assert plain_wav.read(path) is None


@pytest.mark.parametrize(
    ("options", "suffix", "swapped", "codec"),
    [
        (("-c:a", "dca", "-strict", "-2", "-ar", "44100", "-b:a", "1411k"), "dts", True, "dts"),
        (("-c:a", "ac3", "-ar", "48000", "-b:a", "384k"), "spdif", False, "ac3"),
        (("-c:a", "ac3", "-ar", "48000", "-b:a", "384k"), "ac3", False, "ac3"),
        (("-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0"), "mp3", False, "mp3"),
    ],
)
@pytest.mark.parametrize("silence", [0, 20_000])
def test_what_is_coded_within_the_samples_is_left_to_ffprobe(
    binaries: Binaries,
    make_audio: Callable[..., Path],
    tmp_path: Path,
    options: tuple[str, ...],
    suffix: str,
    swapped: bool,
    codec: str,
    silence: int,
) -> None:
    coded = tmp_path / f"coded.{suffix}"
    source = make_audio("coded.wav", "-ac", "2")
    command: list[str | Path] = [binaries.ffmpeg, "-v", "error", "-i", source, *options, "-f", suffix, coded]
    subprocess.run(command, check=True)
    content = coded.read_bytes()
    content = content[: len(content) // 2 * 2]
    if swapped:
        content = b"".join(content[at : at + 2][::-1] for at in range(0, len(content), 2))
    path = tmp_path / "source.wav"
    path.write_bytes(wav(fmt(rate=48000), chunk(b"data", bytes(silence) + content)))
    assert plain_wav.read(path) is None
    if not silence:
        assert asyncio.run(probe(path, binaries, EngineLimits(), tmp_path)).codec == codec


@pytest.mark.parametrize(
    "content",
    [
        wav(chunk(b"LIST", b"INF"), fmt(), PCM),
        wav(fmt(), PCM, chunk(b"LIST", b"")),
        wav(fmt(), PCM, chunk(b"bext", bytes(200))),
    ],
)
async def test_what_ffmpeg_refuses_for_a_short_chunk_is_refused_as_it_does(
    binaries: Binaries, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "source.wav"
    path.write_bytes(content)
    with pytest.raises(ConversionFailed) as refused:
        await probe(path, binaries, EngineLimits(), tmp_path)
    assert refused.value.code == "InvalidMedia"


@pytest.mark.parametrize("mark", [b"\x7f\xfe\x80\x01", b"\x72\xf8\x1f\x4e"])
def test_what_is_coded_behind_noise_is_left_to_ffprobe(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "source.wav"
    path.write_bytes(wav(fmt(), chunk(b"data", noise(20_000) + mark + noise(20_000))))
    assert plain_wav.read(path) is None


async def test_a_plain_wav_starts_no_program(tmp_path: Path) -> None:
    path = tmp_path / "source.wav"
    path.write_bytes(wav(fmt(), chunk(b"data", bytes(4 * 44_100))))
    nowhere = Binaries(tmp_path / "ffmpeg", tmp_path / "ffprobe")
    assert await probe(path, nowhere, EngineLimits(), tmp_path) == Source(
        "wav", "pcm_s16le", 44_100, 2, "unknown", 1_411_200, 16, DemuxerLengths(), None
    )
