"""How many conversions a second the local cloud completes without FFmpeg.

`python -m benchmarks.instant_conversions`: from the submit by signed oss2 requests to the stored rendition, the durable
task and the notification in the queue.
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil

from benchmarks.clips import make_clips
from oss_audio_core.oss import OssSettings
from oss_local_cloud.fault_injection.admin_client import AdminClient
from oss_local_cloud.fault_injection.rules import Instant
from tools.cloud_process import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION, CloudProcess

BUCKET, TOPIC, QUEUE = "audio", "audio-done", "audio-done-queue"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instant_conversions", description=__doc__)
    parser.add_argument("--conversions", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=16, help="the cloud's --workers (default: 16)")
    parser.add_argument("--clients", type=int, default=2, help="processes that submit (default: 2)")
    parser.add_argument("--admin-port", type=int, default=19_003)
    options = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="instant-conversions-"))
    try:
        flags = ("--workers", str(options.workers), "--admin-port", str(options.admin_port))
        with CloudProcess(scratch / "data", *flags, bucket=BUCKET, topic=TOPIC, queue=QUEUE) as cloud:
            measure(cloud, AdminClient(f"http://127.0.0.1:{options.admin_port}"), options.conversions, options.clients)
    finally:
        shutil.rmtree(scratch)


def measure(cloud: CloudProcess, admin: AdminClient, count: int, clients: int) -> None:
    """Submit `count` conversions of one source and wait until all of them were notified."""
    admin.add(Instant())
    _settings(cloud.oss).bucket(BUCKET).put_object("in.wav", next(make_clips(1))[1])
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start")
    began = time.monotonic()
    with ProcessPoolExecutor(clients) as pool:
        list(pool.map(submit, [cloud.oss] * clients, range(clients), [clients] * clients, [count] * clients))
    submitted = time.monotonic()
    done = 0
    while done < count:
        time.sleep(0.2)
        done += sum(1 for _ in _notified(admin, done))
    ended = time.monotonic()
    listed = sum(1 for _ in admin.tasks())
    grouped = sum(1 for _ in admin.conversions())
    process = psutil.Process(cloud.pid)
    cpu = process.cpu_times()
    print(f"{count} conversions in {ended - began:.1f} s: {count / (ended - began):.0f} a second end to end")
    print(f"submitted at {count / (submitted - began):.0f} a second by {clients} processes")
    print(f"CPU of the cloud: {1000 * (cpu.user + cpu.system) / count:.1f} ms a conversion, FFmpeg once")
    print(f"resident memory of the cloud: {process.memory_info().rss / 2**20:.0f} MiB")
    print(f"{listed} tasks and {grouped} sums of the accounts read in {time.monotonic() - ended:.1f} s")


def _notified(admin: AdminClient, after: int) -> list[int]:
    """List the tasks after number `after` that are notified, up to the first that isn't: numbers count from 1."""
    notified = []
    for task in admin.tasks(after=after):
        if not task.notified:
            break
        notified.append(task.number)
    return notified


def submit(endpoint: str, first: int, step: int, count: int) -> None:
    """One client's share of the submits."""
    bucket = _settings(endpoint).bucket(BUCKET)
    for number in range(first, count, step):
        target = base64.urlsafe_b64encode(f"out/{number}.mp3".encode()).decode().rstrip("=")
        topic = base64.urlsafe_b64encode(TOPIC.encode()).decode().rstrip("=")
        bucket.async_process_object("in.wav", f"audio/convert,f_mp3|sys/saveas,o_{target}/notify,topic_{topic}")


def _settings(endpoint: str) -> OssSettings:
    return OssSettings(endpoint, REGION, ACCESS_KEY_ID, ACCESS_KEY_SECRET)


if __name__ == "__main__":
    main()
