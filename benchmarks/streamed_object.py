"""A large object in and out: the local cloud's resident memory, idle and at its peak."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process_memory import peak, resident
from benchmarks.raw_connection import connected
from benchmarks.signed_requests import signed_request
from tools.cloud_process import CloudProcess

BLOCK = 1 << 20
MIB = 1 << 20


@dataclass(frozen=True)
class Memory:
    """Resident memory in MiB, and the seconds of each direction."""

    gibibytes: float
    idle: float
    peak: float
    seconds_in: float
    seconds_out: float


def measure_memory(data: Path, bucket: str, size: int) -> Memory:
    """Put and get an object of `size` bytes.

    Raises:
        RuntimeError: the bytes that were read are not those that were written.
    """
    block = os.urandom(BLOCK)
    with CloudProcess(data, bucket=bucket) as cloud:
        idle = resident(cloud.pid) / MIB
        host = cloud.oss.removeprefix("http://")
        with connected(int(host.rpartition(":")[2])) as connection:
            sent, received = hashlib.blake2b(), hashlib.blake2b()

            def content() -> Iterator[bytes]:
                for number in range(0, size, BLOCK):
                    piece = (number.to_bytes(8, "big") + block[8:])[: size - number]
                    sent.update(piece)
                    yield piece

            began = time.perf_counter()
            connection.fetch(signed_request("PUT", host, bucket, "large", length=size), content())
            into = time.perf_counter()
            for piece in connection.stream(signed_request("GET", host, bucket, "large")):
                received.update(piece)
            out = time.perf_counter()
        if sent.digest() != received.digest():
            raise RuntimeError("other bytes came out than went in")
        return Memory(size / (1 << 30), idle, peak(cloud.pid) / MIB, into - began, out - into)
