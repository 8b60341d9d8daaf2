"""The demo's audio is as declared, and the same bytes every time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import pytest

from oss_local_cloud.imm.engine.binaries import locate
from tools.demo.samples import SAMPLES, TEXT_KEY, TRUNCATED_KEY, make_samples


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("samples")
    make_samples(made)
    return made


def test_the_same_bytes_come_out_every_time(folder: Path, tmp_path: Path) -> None:
    for again in make_samples(tmp_path):
        assert again.read_bytes() == (folder / again.relative_to(tmp_path)).read_bytes()


@pytest.mark.parametrize(
    ("key", "codec", "rate", "channels", "seconds"),
    [
        ("music/stereo-44100.wav", "pcm_s16le", 44_100, 2, 6.0),
        ("voice/mono-16000.wav", "pcm_s16le", 16_000, 1, 8.0),
        ("music/hi-res-96000.flac", "flac", 96_000, 2, 4.0),
        ("film/surround-48000.flac", "flac", 48_000, 6, 4.0),
        ("music/stereo-22050.mp3", "mp3float", 22_050, 2, 5.0),
        ("播客/第 1 集 开场.mp3", "mp3float", 48_000, 2, 5.0),
    ],
)
def test_good_samples_decode_to_what_they_should_be(
    folder: Path, key: str, codec: str, rate: int, channels: int, seconds: float
) -> None:
    with av.open(folder / key) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.channels) == (codec, rate, channels)
        decoded = sum(frame.samples for frame in container.decode(stream))
    assert decoded / rate == pytest.approx(seconds, abs=0.1)


def test_every_good_sample_is_in_that_table() -> None:
    assert len([sample for sample in SAMPLES if not sample.broken]) == 6
    assert {sample.key for sample in SAMPLES if sample.broken} == {TRUNCATED_KEY, TEXT_KEY}


def test_the_truncated_sample_declares_more_than_it_has(folder: Path) -> None:
    with av.open(folder / TRUNCATED_KEY) as container:
        assert container.duration == 10_000_000
    strict = ["-xerror", "-err_detect", "crccheck+bitstream+buffer+explode"]
    decoding = [locate().ffmpeg, "-v", "error", *strict, "-i", folder / TRUNCATED_KEY, "-f", "null", "-"]
    assert subprocess.run(decoding, check=False, capture_output=True).returncode != 0


def test_the_text_sample_is_no_audio(folder: Path) -> None:
    with pytest.raises(av.error.FFmpegError):
        av.open(folder / TEXT_KEY)


def test_the_samples_are_small(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 10_000_000
