"""The cost of the local cloud's object API: small PUTs and HEADs, pages of a long listing, memory.

Each ratio compares with something that does less, in the same run. PUTs are compared with loops that write files and
flush them, with and without a flush of their names. HEADs are compared with a Starlette route that does nothing, called
by the same client and served under the same settings.
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
"""Each side is measured this often, in turns; the median counts."""

WRITE_CONCURRENCY = 32
"""Connections of the PUTs, and threads of the loops they are compared with, where there is more than one."""

WRITES, WRITES_ALONE = 3000, 1000
"""Files or objects written in one round, by many and by one."""

LOOK_CONCURRENCY = 16
"""Connections of the HEADs, on both sides."""

LOOK_SECONDS = 3.0
LOOKED_AT = 500
"""Different objects of the HEADs."""


@dataclass(frozen=True)
class Rates:
    """Operations a second of the object API and of the other side."""

    measured: float
    bare: float

    @property
    def ratio(self) -> float:
        """The object API's rate divided by the other one."""
        return self.measured / self.bare


@dataclass(frozen=True)
class Writes:
    """Objects a second over many connections and over one, and files a second of the loops.

    `loop` and `loops`, one thread and many, guarantee the same as a PUT: a whole file under its name. `loop_of_files`
    flushes the files only.
    """

    objects: float
    objects_alone: float
    loop: float
    loops: float
    loop_of_files: float

    def ratios(self) -> dict[str, float]:
        """The object API's rate divided by that of each write-and-fsync loop."""
        return {
            "put_4k_ratio": self.objects / self.loop,
            "put_4k_many_ratio": self.objects / self.loops,
            "put_4k_alone_ratio": self.objects_alone / self.loop,
            "put_4k_files_only_ratio": self.objects / self.loop_of_files,
        }


@dataclass(frozen=True)
class Figures:
    """All figures of this benchmark."""

    writes: Writes
    looks: Rates
    pages: Pages
    memory: Memory


def measure(keys: int, gibibytes: float, say: Callable[[str], None]) -> Figures:
    """Measure a local cloud of its own, in a folder of this project's file system.

    Args:
        keys: objects in the long listing.
        gibibytes: size of the streamed object.
        say: prints a line of progress.

    Raises:
        CloudFailed: the local cloud didn't start.
        raw_client.UnexpectedAnswer: a request was refused.
    """
    with tempfile.TemporaryDirectory(prefix="bench-", dir=PROJECT_ROOT, suffix=".tmp") as name:
        folder = Path(name)
        with CloudProcess(folder / "small", bucket=BUCKET) as cloud:
            say(f"signed PUTs of {SIZE:,} bytes, and as many files written and flushed, {ROUNDS} times each")
            writes = _writes(cloud, folder)
            say(f"signed HEADs and a bare route, {LOOK_SECONDS:.0f} s each, {ROUNDS} times")
            looks = _looks(cloud)
        say(f"pages of a listing of {keys:,} keys")
        pages = measure_pages(folder / "listed", BUCKET, keys)
        say(f"an object of {gibibytes:g} GiB in and out")
        memory = measure_memory(folder / "streamed", BUCKET, int(gibibytes * (1 << 30)))
        return Figures(writes, looks, pages, memory)


def _writes(cloud: CloudProcess, folder: Path) -> Writes:
    """Return the median of each writer's figures; the writers take turns."""
    writers: dict[str, Callable[[str], float]] = {
        "objects": lambda turn: _objects(cloud, turn, WRITES, WRITE_CONCURRENCY),
        "loops": lambda turn: _files(folder / turn, WRITES, WRITE_CONCURRENCY, _write_durably),
        "objects_alone": lambda turn: _objects(cloud, turn, WRITES_ALONE, 1),
        "loop": lambda turn: _files(folder / turn, WRITES_ALONE, 1, _write_durably),
        "loop_of_files": lambda turn: _files(folder / turn, WRITES_ALONE, 1, _write_flushed),
    }
    found: dict[str, list[float]] = {name: [] for name in writers}
    for number in range(ROUNDS):
        for name, write in writers.items():
            found[name].append(write(f"{name}-{number}"))
    return Writes(**{name: statistics.median(rates) for name, rates in found.items()})


def _objects(cloud: CloudProcess, prefix: str, count: int, connections: int) -> float:
    """Measure objects a second."""
    host, port = address(cloud)
    requests = [
        signed_request("PUT", host, BUCKET, f"{prefix}/{number}", body=os.urandom(SIZE)) for number in range(count)
    ]
    return raw_client.run(port, requests, connections).per_second


def _files(folder: Path, count: int, threads: int, write: Callable[[Path, bytes], None]) -> float:
    """Measure files a second, written by threads that share one folder."""
    folder.mkdir()
    content = os.urandom(SIZE)

    def loop(thread: int) -> None:
        for number in range(thread, count, threads):
            write(folder / str(number), content)

    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        for _ in pool.map(loop, range(threads)):
            pass
        return count / (time.perf_counter() - began)


def _write_flushed(path: Path, content: bytes) -> None:
    """Write a file and flush it; its name may be lost with the power."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_durably(path: Path, content: bytes) -> None:
    """Write a file that is whole under its name or absent, and survives a loss of power."""
    part = path.with_name(path.name + ".part")
    _write_flushed(part, content)
    part.rename(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
    """Return the figures as lines of text."""
    writes, looks = figures.writes, figures.looks
    many, loop = f"{WRITE_CONCURRENCY} connections", "file and folder flushed"
    lines = []
    for what, rate, against, bare in (
        (f"PUTs, {many}", writes.objects, f"a loop, {loop}", writes.loop),
        (f"PUTs, {many}", writes.objects, f"{WRITE_CONCURRENCY} loops at once, {loop}", writes.loops),
        ("PUTs, 1 connection", writes.objects_alone, f"a loop, {loop}", writes.loop),
        (f"PUTs, {many}", writes.objects, "a loop, file flushed", writes.loop_of_files),
        (f"HEADs, {LOOK_CONCURRENCY} connections", looks.measured, "HEADs of a bare Starlette route", looks.bare),
    ):
        lines.append(f"{what}: {rate:,.0f}/s; {against}: {bare:,.0f}/s; ratio {rate / bare:.2f}")
    for name, page in figures.pages.items():
        lines.append(f"a page of {name}: {page.median_ms:.1f} ms in the middle of all, {page.worst_ms:.1f} ms at most")
    memory = figures.memory
    lines.append(
        f"resident memory: {memory.idle:.0f} MiB idle; while {memory.gibibytes:g} GiB went in and out at most "
        f"{memory.peak:.0f} MiB ({memory.seconds_in:.1f} s in, {memory.seconds_out:.1f} s out)"
    )
    return lines


def as_json(figures: Figures) -> dict[str, Any]:
    """Return the figures that have a target, by name."""
    return {
        **{name: round(ratio, 3) for name, ratio in figures.writes.ratios().items()},
        "head_ratio": round(figures.looks.ratio, 3),
        "page_ms": {name: asdict(page) for name, page in figures.pages.items()},
        **asdict(figures.memory),
    }
