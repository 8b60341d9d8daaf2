"""The cost of verifying a rendition against making it: CPU of a full decode with all measures, and of a probe.

Both are taken in one run on one file, the lowest of several rounds each, so that their ratio holds on a noisy machine.
The encoder is the FFmpeg process exactly as the local cloud starts it.
"""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
import wave
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oss_audio_core.audio_convert import load_profiles
from oss_audio_core.audio_convert.containers.declared_length import DemuxerLengths
from oss_audio_core.verification import decode_limits, inspect, probe, probe_remote, verify
from oss_local_cloud.imm.engine import binaries
from oss_local_cloud.imm.engine.command import command, plan
from oss_local_cloud.imm.engine.source import Source

PROFILES = (
    "mobile-mp3",
    "streaming-aac-128k",
    "web-oga",
    "streaming-opus-64k",
    "voice-amr-nb",
    "voice-amr-wb",
    "archive-flac",
    "broadcast-ac3",
)
BAR = 0.4
"""Shares of the encoder's CPU, for the lossy codecs; the encoders of flac and ac3 cost almost nothing and have none."""

WITHOUT_BAR = ("archive-flac", "broadcast-ac3")
ROUNDS = 5
PROBES = 50
RATE = 44_100


@dataclass(frozen=True)
class Cost:
    """CPU of one profile's rendition, in seconds for the whole clip.

    It is made, decoded and measured with and without true peaks, and checked. `probe` is one remote probe without its
    requests, with the bytes that it read.
    """

    profile: str
    minutes: float
    encode: float
    with_true_peak: float
    without: float
    probe: float
    probe_bytes: int
    probe_requests: int

    @property
    def ratio(self) -> float:
        """All measures, as a share of the encoder's CPU."""
        return self.with_true_peak / self.encode


def measure(minutes: float, say: Callable[[str], None]) -> list[Cost]:
    """Make and verify one rendition per profile of a clip of `minutes`."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        source = Path(folder) / "source.wav"
        say(f"making a source of {minutes:g} min")
        _make_source(source, minutes)
        found = []
        for name in PROFILES:
            say(f"  {name}")
            found.append(_cost(name, source, minutes))
        return found


def _cost(name: str, path: Path, minutes: float) -> Cost:
    convert = load_profiles()[name].convert
    target = path.with_name(f"{name}.{convert.format.extension}")
    source = Source("wav", "pcm_s16le", RATE, 2, "stereo", RATE * 32, 16, DemuxerLengths(), None)
    encoder = command(binaries.locate().ffmpeg, path, target, plan(convert, source))
    limits = decode_limits(convert, probe(path))
    whole = inspect(path)
    encode, full, plain = [], [], []
    for _ in range(ROUNDS):
        encode.append(_cpu_of_child(encoder))
        full.append(_cpu(lambda: verify(convert, whole, inspect(target, limits=limits))))
        plain.append(_cpu(lambda: verify(convert, whole, inspect(target, limits=limits, true_peak=False))))
    verdict = verify(convert, whole, inspect(target, limits=limits))
    if not verdict.passed:
        raise ValueError(f"{name} is not what was asked: {verdict.reason or 'a check could not be made'}")
    data = target.read_bytes()

    def read(start: int, length: int) -> tuple[bytes, int]:
        return data[start : start + length], len(data)

    remote = probe_remote(read, name, len(data))
    probed = _cpu(lambda: [verify(convert, whole, probe_remote(read, name, len(data))) for _ in range(PROBES)]) / PROBES
    return Cost(name, minutes, min(encode), min(full), min(plain), probed, remote.bytes_read, remote.requests)


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _cpu_of_child(argv: list[str | Path]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _make_source(path: Path, minutes: float) -> None:
    """Make noise and tones that swell and fade: no second is like another, and the encoder is busy."""
    random = np.random.default_rng(1)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        for second in range(round(minutes * 60)):
            at = second + np.arange(RATE)[:, np.newaxis] / RATE
            noise = random.normal(0, 0.05, (RATE, 2)) * (1 + np.sin(at * 3))
            tones = 0.2 * np.sin(2 * np.pi * (220 + 30 * np.sin(at)) * at) * np.array([1.0, 0.7])
            out.writeframes((np.clip(noise + tones, -1, 1) * 32767).astype("<i2").tobytes())


def summary(costs: list[Cost]) -> list[str]:
    """Return the figures as lines of text."""
    lines = [
        f"{'ms of CPU per minute of audio':<32}{'encode':>9}{'decode,':>10}{'with':>10}{'part of':>10}"
        f"{'probe,':>9}{'bytes':>9}{'requests':>10}",
        f"{'':<32}{'':>9}{'measure':>10}{'true peak':>10}{'encode':>10}{'ms each':>9}{'read':>9}",
    ]
    for cost in costs:
        per_minute = [1000 * seconds / cost.minutes for seconds in (cost.encode, cost.without, cost.with_true_peak)]
        bar = "" if cost.profile in WITHOUT_BAR else f"  (at most {BAR})"
        lines.append(
            f"{cost.profile:<32}{per_minute[0]:>9.0f}{per_minute[1]:>10.0f}{per_minute[2]:>10.0f}{cost.ratio:>10.2f}"
            f"{1000 * cost.probe:>9.2f}{cost.probe_bytes:>9}{cost.probe_requests:>10}{bar}"
        )
    return lines


def as_json(costs: list[Cost]) -> list[dict[str, Any]]:
    """Return the figures by their names."""
    return [asdict(cost) | {"ratio": cost.ratio} for cost in costs]
