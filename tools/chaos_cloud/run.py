"""A run: clients work while the service is killed at random moments and restarted; then their records are compared."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from tools.chaos_cloud.conversions import NOTIFICATIONS, Listener, Submitter, put_source
from tools.chaos_cloud.messages import Receiver, Sender, make_queue
from tools.chaos_cloud.objects import Reader, Writer
from tools.chaos_cloud.uploads import Appender, Multipart
from tools.chaos_cloud.worker import BUCKET, TOPIC, Findings, Worker
from tools.cloud_process import CloudProcess

MAX_UPTIME = 1.6
"""Seconds that the service runs at most before it is killed."""

WHILE_STARTING = 0.15
"""Share of the kills that hit the service while it starts."""


@dataclass(frozen=True)
class ChaosCloudSummary:
    """The results of a run."""

    kills: int
    seconds: float
    findings: Findings


def run(data: Path, kills: int, seed: int, say: Callable[[str], None]) -> ChaosCloudSummary:
    """Kill the service repeatedly under load.

    Args:
        data: folder of the local cloud.
        kills: how often it is killed.
        seed: decides what the clients write and when the service is killed.
        say: prints a line of progress.

    Returns:
        Counts and broken promises.

    Raises:
        CloudFailed: the service didn't start again after a kill.
    """
    began, moments, findings = time.monotonic(), random.Random(seed), Findings()
    cloud = CloudProcess(data, bucket=BUCKET, topic=TOPIC, queue=NOTIFICATIONS)
    with cloud:
        make_queue(cloud)
        put_source(cloud)
        workers = _workers(cloud, seed, findings)
        stop = Event()
        threads = [Thread(target=worker.run, args=(stop,), name=worker.name, daemon=True) for worker in workers]
        for thread in threads:
            thread.start()
        try:
            for number in range(1, kills + 1):
                _kill_and_restart(cloud, moments)
                if number % 10 == 0 or number == kills:
                    say(f"{number} kills, {len(findings.problems)} broken promises")
            time.sleep(0.5)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        say("comparing what was acknowledged with the service")
        for worker in workers:
            worker.check()
        if "Traceback" in cloud.log:
            findings.problem("the service logged a traceback")
    return ChaosCloudSummary(kills, time.monotonic() - began, findings)


def _kill_and_restart(cloud: CloudProcess, moments: random.Random) -> None:
    """Kill the service after a random time, and leave it serving."""
    time.sleep(moments.uniform(0.0, MAX_UPTIME))
    cloud.kill()
    while moments.random() < WHILE_STARTING:
        cloud.launch()
        time.sleep(moments.uniform(0.0, 1.0))
        cloud.kill()
    cloud.start()


def _workers(cloud: CloudProcess, seed: int, findings: Findings) -> list[Worker]:
    writers = [Writer(f"puts-{number}", cloud, seed, findings) for number in range(3)]
    submitter = Submitter("renditions", cloud, seed, findings)
    sender = Sender("sender", cloud, seed, findings)
    return [
        *writers,
        Reader("reader", cloud, seed, findings, writers),
        Multipart("multipart", cloud, seed, findings),
        Appender("appends", cloud, seed, findings),
        submitter,
        Listener("listener", cloud, seed, findings, submitter),
        sender,
        Receiver("receiver", cloud, seed, findings, sender),
    ]
