"""What the local cloud's object API costs: small writes and looks, pages of a long listing, memory.

The two ratios compare with something that does less, in the same run and by the same client: a loop that writes and
flushes files, and a Starlette route that does nothing, served under the same settings.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import raw_client
from benchmarks.long_listing import Pages, measure_pages
from benchmarks.signed_requests import signed_request
from benchmarks.streamed_object import Memory, measure_memory
from tools.cloud_process import PROJECT_ROOT, CloudProcess

BUCKET = "bench"
SIZE = 4096
ROUNDS = 3
"""Each side is measured this often, in turns; the middle figure counts."""

WRITES = 3000
"""Files or objects written in one round."""

WRITE_CONCURRENCY = 32
"""Connections of the PUTs, and threads of the loop they are compared with."""

LOOK_CONCURRENCY = 16
"""Connections of the HEADs, on both sides."""

LOOK_SECONDS = 3.0
LOOKED_AT = 500
"""Different objects that are looked at."""


@dataclass(frozen=True)
class Rates:
    """Operations a second of the object API and of what it is compared with."""

    measured: float
    bare: float

    @property
    def ratio(self) -> float:
        """How near the object API comes."""
        return self.measured / self.bare


@dataclass(frozen=True)
class Figures:
    """All that is measured here; `writes_alone` is one connection against one thread."""

    writes: Rates
    writes_alone: Rates
    looks: Rates
    pages: Pages
    memory: Memory


def measure(keys: int, gibibytes: float, say: Callable[[str], None]) -> Figures:
    """Measure a local cloud of its own, in a folder of this project's file system.

    Args:
        keys: objects in the long listing.
        gibibytes: size of the streamed object.

    Raises:
        CloudFailed: the local cloud didn't start.
        raw_client.UnexpectedAnswer: a request was refused.
    """
    with tempfile.TemporaryDirectory(prefix="bench-", dir=PROJECT_ROOT, suffix=".tmp") as name:
        folder = Path(name)
        with CloudProcess(folder / "small", "--bucket", BUCKET) as cloud:
            say(f"{WRITES:,} signed PUTs of {SIZE:,} bytes, and as many files written and flushed, {ROUNDS} times each")
            writes = _writes(cloud, folder, WRITE_CONCURRENCY)
            writes_alone = _writes(cloud, folder, 1)
            say(f"signed HEADs and a bare route, {LOOK_SECONDS:.0f} s each, {ROUNDS} times")
            looks = _looks(cloud)
        say(f"pages of a listing of {keys:,} keys")
        pages = measure_pages(folder / "listed", BUCKET, keys)
        say(f"an object of {gibibytes:g} GiB in and out")
        memory = measure_memory(folder / "streamed", BUCKET, int(gibibytes * (1 << 30)))
        return Figures(writes, writes_alone, looks, pages, memory)


def _writes(cloud: CloudProcess, folder: Path, concurrency: int) -> Rates:
    host, port = address(cloud)
    measured, bare = [], []
    for number in range(ROUNDS):
        bare.append(_bare_writes(folder / f"files-{concurrency}-{number}", concurrency))
        requests = [
            signed_request("PUT", host, BUCKET, f"{concurrency}/{number}/{count}", body=os.urandom(SIZE))
            for count in range(WRITES)
        ]
        measured.append(raw_client.run(port, requests, concurrency).per_second)
    return Rates(statistics.median(measured), statistics.median(bare))


def _bare_writes(folder: Path, concurrency: int) -> float:
    """Files a second: each one is made, written and flushed, by threads that share one folder."""
    folder.mkdir()
    content = os.urandom(SIZE)

    def write(thread: int) -> None:
        for number in range(thread, WRITES, concurrency):
            descriptor = os.open(folder / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.write(descriptor, content)
            os.fsync(descriptor)
            os.close(descriptor)

    with ThreadPoolExecutor(concurrency) as threads:
        began = time.perf_counter()
        for _ in threads.map(write, range(concurrency)):
            pass
        return WRITES / (time.perf_counter() - began)


def _looks(cloud: CloudProcess) -> Rates:
    host, port = address(cloud)
    names = [f"looked-at/{number}" for number in range(LOOKED_AT)]
    raw_client.run(port, [signed_request("PUT", host, BUCKET, name, body=b"x") for name in names], 8)
    measured, bare = [], []
    with _bare_route() as bare_port:
        for _ in range(ROUNDS):
            requests = [signed_request("HEAD", host, BUCKET, name) for name in names]
            bare.append(raw_client.run(bare_port, requests, LOOK_CONCURRENCY, LOOK_SECONDS).per_second)
            measured.append(raw_client.run(port, requests, LOOK_CONCURRENCY, LOOK_SECONDS).per_second)
    return Rates(statistics.median(measured), statistics.median(bare))


@contextmanager
def _bare_route() -> Iterator[int]:
    """The port of a bare Starlette route in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bare_route"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def address(cloud: CloudProcess) -> tuple[str, int]:
    """Host header and port of a cloud's OSS."""
    host = cloud.oss.removeprefix("http://")
    return host, int(host.rpartition(":")[2])


def summary(figures: Figures) -> list[str]:
    """The figures as lines of text."""
    lines = []
    for what, rates, against in (
        (f"signed PUTs of 4 KiB, {WRITE_CONCURRENCY} at once", figures.writes, "files written and flushed"),
        ("signed PUTs of 4 KiB, one at a time", figures.writes_alone, "files written and flushed"),
        (f"signed HEADs, {LOOK_CONCURRENCY} at once", figures.looks, "HEADs of a bare Starlette route"),
    ):
        lines.append(f"{what}: {rates.measured:,.0f}/s; {against}: {rates.bare:,.0f}/s; ratio {rates.ratio:.2f}")
    for name, page in figures.pages.items():
        lines.append(f"a page of {name}: {page.median_ms:.1f} ms in the middle of all, {page.worst_ms:.1f} ms at most")
    memory = figures.memory
    lines.append(
        f"resident memory: {memory.idle:.0f} MiB idle; while {memory.gibibytes:g} GiB went in and out at most "
        f"{memory.peak:.0f} MiB ({memory.seconds_in:.1f} s in, {memory.seconds_out:.1f} s out)"
    )
    return lines


def as_json(figures: Figures) -> dict[str, Any]:
    """The figures that have a target, by name."""
    return {
        "put_4k_ratio": round(figures.writes.ratio, 3),
        "put_4k_alone_ratio": round(figures.writes_alone.ratio, 3),
        "head_ratio": round(figures.looks.ratio, 3),
        "page_ms": {name: asdict(page) for name, page in figures.pages.items()},
        **asdict(figures.memory),
    }
