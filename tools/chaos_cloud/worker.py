"""What the clients have in common: one step at a time, over and over, whatever becomes of the service."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from threading import Event, Lock
from typing import Any

import requests
import urllib3

from tools.chaos_cloud.sdks import mns_exception, oss2
from tools.cloud_process import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION, CloudProcess

UNREACHABLE = (
    oss2.exceptions.RequestError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    mns_exception.MNSClientNetworkException,
    OSError,
)
"""How the SDKs say that there was no whole answer: what was asked for may or may not have been done."""

BUCKET, TOPIC = "chaos", "chaos-done"
PAUSE = 0.05
"""Seconds until a client tries again after it reached nobody."""


class Findings:
    """Broken promises, and how much was tried; any thread may add to it."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.counts: dict[str, int] = {}
        self._lock = Lock()

    def problem(self, text: str) -> None:
        """The service broke a promise."""
        with self._lock:
            self.problems.append(text)

    def count(self, what: str, number: int = 1) -> None:
        """Something was done."""
        with self._lock:
            self.counts[what] = self.counts.get(what, 0) + number


class Worker(ABC):
    """One client with a ledger of its own. `step` runs in a thread of its own, `check` after the last start."""

    def __init__(self, name: str, cloud: CloudProcess, seed: int, findings: Findings) -> None:
        self.name = name
        self.cloud = cloud
        self.seed = seed
        self.random = random.Random(f"{seed}/{name}")
        self.findings = findings

    @abstractmethod
    def step(self) -> None:
        """One thing a client does; may raise what is in UNREACHABLE."""

    @abstractmethod
    def check(self) -> None:
        """Hold the ledger against the service, which runs and is left alone now."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections."""

    def run(self, stop: Event) -> None:
        """Step until `stop`. Whatever is no lost connection is a problem: the service answers nothing but the truth."""
        while not stop.is_set():
            try:
                self.step()
            except UNREACHABLE:
                self.findings.count("requests without an answer")
                stop.wait(PAUSE)
            except Exception as error:  # noqa: BLE001  # the SDKs have no common base of their errors
                self.findings.problem(f"{self.name}: {type(error).__name__}: {error}")
                stop.wait(PAUSE)
        self.close()


def bucket_of(cloud: CloudProcess) -> Any:
    """A bucket as oss2 sees it, with connections of its own."""
    auth = oss2.AuthV4(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    return oss2.Bucket(auth, cloud.oss, BUCKET, region=REGION, session=oss2.Session(), connect_timeout=20)
