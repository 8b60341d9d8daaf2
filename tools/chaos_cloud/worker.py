"""The base of the clients: one step after the other, also while the service is down."""

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
"""How the SDKs report that there was no whole answer: the request may or may not have been carried out."""

BUCKET, TOPIC = "chaos", "chaos-done"
PAUSE = 0.05
"""Seconds until a client tries again after a request without an answer."""


class Findings:
    """Broken promises and counts of requests; any thread may add to it."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.counts: dict[str, int] = {}
        self._lock = Lock()

    def problem(self, text: str) -> None:
        """Add a broken promise of the service."""
        with self._lock:
            self.problems.append(text)

    def count(self, what: str, number: int = 1) -> None:
        """Count something that was done."""
        with self._lock:
            self.counts[what] = self.counts.get(what, 0) + number


class Worker(ABC):
    """One client, which records what was acknowledged. `run` has its own thread; `check` follows the last start."""

    def __init__(self, name: str, cloud: CloudProcess, seed: int, findings: Findings) -> None:
        self.name = name
        self.cloud = cloud
        self.seed = seed
        self.random = random.Random(f"{seed}/{name}")
        self.findings = findings

    @abstractmethod
    def step(self) -> None:
        """Make one request or a few; raises one of UNREACHABLE where there was no answer."""

    @abstractmethod
    def check(self) -> None:
        """Compare what was acknowledged with the service, which runs and is not killed any more."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""

    def run(self, stop: Event) -> None:
        """Step until `stop` is set. Any error other than a lost connection is a problem."""
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
    """Open a bucket with oss2, with connections of its own."""
    auth = oss2.AuthV4(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    return oss2.Bucket(auth, cloud.oss, BUCKET, region=REGION, session=oss2.Session(), connect_timeout=20)
