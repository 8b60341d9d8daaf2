"""The benchmarks' instruments: CPU of process trees with their dead, requests that pass, sources that differ."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import time
import wave
from typing import Any

import psutil
import pytest
from oss2 import Bucket, ProviderAuthV4
from oss2.credentials import StaticCredentialsProvider

from benchmarks.clips import RATE, make_clips
from benchmarks.cpu import SCHEDULER_ITSELF, WORKERS, Sampler, usage
from benchmarks.relay import HOST, Requests, relays
from tools.stack.ports import free_port

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


def test_a_process_has_a_peak_of_its_own() -> None:
    large = bytearray(256 << 20)
    script = (
        "from benchmarks.process_memory import peak, resident\n"
        "begun = peak()\ntaken = bytearray(64 << 20)\ndel taken\nprint(begun, peak(), resident())"
    )
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    begun, most, left = (int(number) >> 20 for number in answer.split())
    assert 1 <= begun < len(large) >> 21, "not its parent's"
    assert begun + 60 <= most
    assert left < most


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


def test_the_scheduler_is_told_from_its_workers_and_parts_add_up_to_the_whole() -> None:
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


def test_requests_are_counted_by_kind_and_pass_unchanged(local_cloud: Any) -> None:
    port, target = free_port(), int(local_cloud.oss.rsplit(":", 1)[1])
    requests = Requests()
    with relays({"oss": (port, target)}, requests):
        auth = ProviderAuthV4(StaticCredentialsProvider(local_cloud.access_key_id, local_cloud.access_key_secret))
        bucket: Any = Bucket(auth, f"http://{HOST}:{port}", local_cloud.bucket, region=local_cloud.region)
        content = os.urandom(300_000)
        bucket.put_object("relay/a b", content)
        assert bucket.get_object("relay/a b").read() == content
        bucket.list_objects_v2(prefix="relay/")
        bucket.batch_delete_objects(["relay/a b"])
    kinds = requests.between(0, time.time() + 1)
    assert kinds == ["oss PUT", "oss GET", "oss GET list-type", "oss POST delete"]
    assert requests.between(0, requests.seen[0][0]) == []


def test_clips_differ_and_last_as_long_as_was_asked() -> None:
    clips = list(make_clips(50, seconds=0.5))
    assert len({hashlib.md5(content, usedforsecurity=False).digest() for _, content in clips}) == 50
    assert len({name for name, _ in clips}) == 50
    with wave.open(io.BytesIO(clips[-1][1])) as clip:
        assert (clip.getnframes(), clip.getframerate(), clip.getnchannels()) == (RATE // 2, RATE, 1)
