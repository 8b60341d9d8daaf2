"""CPU and memory of process trees, ended processes included."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from benchmarks.cpu import SCHEDULER_ITSELF, WORKERS, Sampler, usage

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
"""A process that uses 0.3 s of CPU and ends."""
BURNT = 0.25
"""What is seen of it at least: the kernel counts in ticks of 0.01 s."""

CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}], check=True)"
FAMILY = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {CHILD!r}], check=True)
print("reaped", flush=True)
sys.stdin.read()
"""
"""A process whose grandchild has used CPU, and whose child and grandchild are both gone when it says so."""


def test_a_tree_keeps_the_cpu_of_grandchildren_that_are_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"reaped\n"
        assert not psutil.Process(process.pid).children(recursive=True)
        found = usage(process.pid)
        process.communicate()
    assert found.descendants >= BURNT
    assert found.total == found.own + found.descendants
    assert found.resident > 1 << 20
    assert found.largest == 0


def test_a_tree_has_the_cpu_of_children_that_still_run() -> None:
    script = f"{BURN}\nprint('burnt', flush=True)\nimport sys; sys.stdin.read()"
    before = usage(os.getpid()).descendants
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"burnt\n"
        running = usage(os.getpid())
        process.communicate()
    assert running.descendants - before >= BURNT
    assert 1 << 20 < running.largest < running.resident


def test_the_scheduler_is_separated_from_its_workers_and_parts_add_up() -> None:
    sampler = Sampler({"scheduler": os.getpid()})
    with sampler.running():
        began = time.time()
        subprocess.run([sys.executable, "-c", BURN], check=True)
        ended = time.time()
    assert sampler.names == [SCHEDULER_ITSELF, WORKERS]
    before, after = began - 60, ended + 60
    whole = sampler.cpu(WORKERS, before, after)
    middle = (began + ended) / 2
    assert whole >= BURNT
    assert sampler.cpu(WORKERS, before, middle) + sampler.cpu(WORKERS, middle, after) == pytest.approx(whole)
    assert len(sampler.resident("scheduler", before, after)) >= 2
    largest, resident = sampler.largest_worker(before, after), sampler.resident("scheduler", before, after)
    assert all(one < both for one, both in zip(largest, resident, strict=True))
