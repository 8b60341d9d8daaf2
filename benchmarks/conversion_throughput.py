"""Conversions a second of the local cloud, against `xargs -P$(nproc)` over the same FFmpeg with the same arguments.

Both sides convert the same file into as many renditions, in turns; the ratio is taken per turn, and the median of
all turns is printed. A turn of the service lasts from the first submit to the last rendition in its bucket. It includes
signed requests, tasks and notifications on disk, probes, checks and checksums.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.cpu import usage
from benchmarks.raw_connection import Connection, connected
from benchmarks.signed_requests import signed_request
from oss_audio_core.audio_convert import AudioConvert
from oss_local_cloud.imm.engine.binaries import Binaries, locate
from oss_local_cloud.imm.engine.command import command, plan
from oss_local_cloud.imm.engine.limits import EngineLimits
from oss_local_cloud.imm.engine.source import probe
from tools.cloud_process import PROJECT_ROOT, CloudProcess

BUCKET, OUT_BUCKET, TOPIC, SOURCE = "bench", "bench-out", "done", "source.wav"
PARAMETERS = "audio/convert,f_mp3,ab_128000"
CASES = {"3-minute files": (180, 16), "5 s clips": (5, 200)}
"""Seconds of the source (44.1 kHz, stereo, 16 bits), and renditions made of it in one turn."""

ROUNDS = 5
FAR, NEAR = 0.5, 0.03
"""Seconds between two counts of the renditions: at first, and once no more than one per core or a tenth of them is
missing. Neither the requests nor the wait for the next one then take much of a turn."""

TURN_SECONDS = 600.0


@dataclass(frozen=True)
class Turn:
    """Renditions a second and seconds of CPU per rendition, of both sides."""

    service: float
    service_cpu: float
    xargs: float
    xargs_cpu: float


@dataclass(frozen=True)
class Throughput:
    """All turns of one case."""

    renditions: int
    turns: tuple[Turn, ...]

    @property
    def ratio(self) -> float:
        """The service's rate divided by that of xargs: the median of the turns."""
        return statistics.median(turn.service / turn.xargs for turn in self.turns)

    @property
    def cpu_ratio(self) -> float:
        """The same by CPU, which other programs on the machine disturb less."""
        return statistics.median(turn.xargs_cpu / turn.service_cpu for turn in self.turns)


class NotConverted(RuntimeError):
    """The service did not make all renditions; the message says how many are missing."""


def measure(say: Callable[[str], None], rounds: int = ROUNDS) -> dict[str, Throughput]:
    """Measure both cases in a local cloud of its own.

    Raises:
        CloudFailed: the local cloud didn't start.
        UnexpectedAnswer: a request was refused.
        NotConverted: renditions are missing after the longest turn.
    """
    binaries = locate()
    found = {}
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=PROJECT_ROOT) as folder:
        data = Path(folder) / "cloud"
        with CloudProcess(data, "--bucket", OUT_BUCKET, bucket=BUCKET, topic=TOPIC, queue=TOPIC) as cloud:
            for name, (seconds, renditions) in CASES.items():
                say(f"converting {name}: {rounds} turns of {renditions}")
                case = _Case(binaries, cloud, Path(folder), seconds, renditions)
                found[name] = Throughput(renditions, tuple(case.turn() for _ in range(rounds)))
    return found


class _Case:
    def __init__(self, binaries: Binaries, cloud: CloudProcess, folder: Path, seconds: int, renditions: int) -> None:
        self._binaries = binaries
        self._cloud = cloud
        self._folder = folder
        self._host = cloud.oss.removeprefix("http://")
        self._port = int(self._host.rpartition(":")[2])
        self._seconds = seconds
        self._renditions = renditions
        self._turns = 0
        self._source = folder / SOURCE
        _make_source(binaries, self._source, seconds)
        content = self._source.read_bytes()
        request = signed_request("PUT", self._host, BUCKET, SOURCE, length=len(content))
        with connected(self._port) as connection:
            connection.fetch(request, (content,))

    def turn(self) -> Turn:
        """Measure both sides once."""
        self._turns += 1
        xargs, xargs_cpu = self._by_xargs()
        service, service_cpu = self._by_the_service()
        return Turn(service, service_cpu, xargs, xargs_cpu)

    def _by_xargs(self) -> tuple[float, float]:
        targets = [self._folder / f"rendition-{number}" for number in range(self._renditions)]
        probed = asyncio.run(probe(self._source, self._binaries, EngineLimits(), self._folder))
        planned = plan(AudioConvert.parse(PARAMETERS), probed)
        commands = [[str(part) for part in command(self._binaries.ffmpeg, self._source, at, planned)] for at in targets]
        program, *arguments = commands[0]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            ["xargs", "-0", "-n", str(len(arguments)), "-P", str(os.cpu_count()), program],
            input="\0".join(part for one in commands for part in one[1:]).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        for target in targets:
            target.unlink()
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return self._renditions / seconds, cpu / self._renditions

    def _by_the_service(self) -> tuple[float, float]:
        keys = [f"{self._seconds}s-{self._turns}-{number}.mp3" for number in range(self._renditions)]
        requests = [
            signed_request("POST", self._host, BUCKET, SOURCE, {"x-oss-async-process": ""}, _process(key))
            for key in keys
        ]
        with connected(self._port) as connection:
            wanted = self._made(connection) + self._renditions
            before, began = usage(self._cloud.pid).total, time.perf_counter()
            for request in requests:
                connection.fetch(request)
            last = max(os.cpu_count() or 1, self._renditions // 10)
            while (missing := wanted - self._made(connection)) > 0:
                if time.perf_counter() - began > TURN_SECONDS:
                    raise NotConverted(f"{missing} of {self._renditions} renditions missing after {TURN_SECONDS:.0f} s")
                time.sleep(FAR if missing > last else NEAR)
            seconds = time.perf_counter() - began
        return self._renditions / seconds, (usage(self._cloud.pid).total - before) / self._renditions

    def _made(self, connection: Connection) -> int:
        answer = connection.fetch(signed_request("GET", self._host, OUT_BUCKET, query={"stat": ""}))
        return int(answer.partition(b"<ObjectCount>")[2].partition(b"<")[0])


def _process(key: str) -> bytes:
    bucket, key, topic = (urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in (OUT_BUCKET, key, TOPIC))
    return f"x-oss-async-process={PARAMETERS}|sys/saveas,b_{bucket},o_{key}/notify,topic_{topic}".encode()


def _make_source(binaries: Binaries, path: Path, seconds: int) -> None:
    """Make a clip like music: a chord whose tones swell, over a little noise."""
    tones = ("440", "554.37", "659.25", "1318.5")
    chord = "+".join(f"sin({tone}*2*PI*t)*(0.6+0.4*sin({tone}*t/100))" for tone in tones)
    wave = "|".join(f"({chord})/6+(random({channel})-0.5)*0.05" for channel in range(2))
    generated = f"aevalsrc={wave}:s=44100:d={seconds}"
    subprocess.run([binaries.ffmpeg, "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", generated, path], check=True)


def summary(found: dict[str, Throughput]) -> list[str]:
    """Return the figures as lines of text."""
    titles = f"{'renditions a second':<20}{'service':>9}{'xargs':>9}{'ratio':>8}{'by CPU':>8}"
    lines = [f"{titles}   ms of CPU each: service, xargs"]
    for name, case in found.items():
        service, xargs, service_cpu, xargs_cpu = (
            statistics.median(getattr(turn, part) for turn in case.turns)
            for part in ("service", "xargs", "service_cpu", "xargs_cpu")
        )
        lines.append(
            f"{name:<20}{service:>9.2f}{xargs:>9.2f}{case.ratio:>8.2f}{case.cpu_ratio:>8.2f}"
            f"   {1000 * service_cpu:.1f}, {1000 * xargs_cpu:.1f}"
        )
    return lines


def as_json(found: dict[str, Throughput]) -> dict[str, Any]:
    """Return the ratios and every turn, by case."""
    return {
        name: {
            "ratio": round(case.ratio, 3),
            "cpu_ratio": round(case.cpu_ratio, 3),
            "turns": [asdict(turn) for turn in case.turns],
        }
        for name, case in found.items()
    }
