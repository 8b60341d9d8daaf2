"""The run: clients work, the service is killed at random moments and started again, the ledgers are held against it."""

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

LONGEST_LIFE = 1.6
"""Seconds the service works at most before it is killed."""

WHILE_STARTING = 0.15
"""Share of the kills that hit the service while it starts."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    kills: int
    seconds: float
    findings: Findings


def kill_again_and_again(data: Path, kills: int, seed: int, say: Callable[[str], None]) -> Outcome:
    """Kill the service `kills` times under load; `seed` decides what the clients write and when they are cut off.

    Raises:
        CloudFailed: the service didn't start again after a kill.
    """
    began, chance, findings = time.monotonic(), random.Random(seed), Findings()
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
                _live_and_die(cloud, chance)
                if number % 10 == 0 or number == kills:
                    say(f"{number} kills, {len(findings.problems)} broken promises")
            time.sleep(0.5)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        say("holding the ledgers against the service")
        for worker in workers:
            worker.check()
        if "Traceback" in cloud.log:
            findings.problem("the service logged a traceback")
    return Outcome(kills, time.monotonic() - began, findings)


def _live_and_die(cloud: CloudProcess, chance: random.Random) -> None:
    """Kill the service once, and leave it serving."""
    time.sleep(chance.uniform(0.0, LONGEST_LIFE))
    cloud.kill()
    while chance.random() < WHILE_STARTING:
        cloud.launch()
        time.sleep(chance.uniform(0.0, 1.0))
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
