"""Pages of ListObjectsV2 over very many keys: at the beginning, in the middle, at the end."""

from __future__ import annotations

import sqlite3
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.raw_client import HOST
from benchmarks.raw_connection import Connection, connected
from benchmarks.signed_requests import signed_request
from tools.cloud_process import CloudProcess

PER_FOLDER = 10
"""Keys that a delimiter folds into one: a page then steps over ten thousand of them."""

PAGE = 1000
PAGES = 20
"""Pages measured in each place, one after the other."""


@dataclass(frozen=True)
class Times:
    """Milliseconds from the request's first byte to the answer's last."""

    median_ms: float
    worst_ms: float


Pages = dict[str, Times]
"""Times by what was listed and where."""


def measure_pages(data: Path, bucket: str, keys: int) -> Pages:
    """Time full pages of a bucket with `keys` keys, ten to a folder, with and without delimiter.

    One object is put by a request. The rows of the others are copies of its row under their own names, inserted while
    the cloud is down: a listing reads rows only.
    """
    cloud = CloudProcess(data, bucket=bucket)
    with cloud, connected(int(cloud.oss.rpartition(":")[2])) as connection:
        connection.fetch(signed_request("PUT", cloud.oss.removeprefix("http://"), bucket, key_of(0), body=b"x"))
    _fill(data / "objects.db", bucket, keys)
    found: Pages = {}
    with cloud, connected(int(cloud.oss.rpartition(":")[2])) as connection:
        for delimiter, entries in (("", keys), ("/", keys // PER_FOLDER)):
            pages = -(-entries // PAGE)
            for place, first in (("the beginning", 0), ("the middle", pages // 2), ("the end", max(0, pages - PAGES))):
                key = key_of(first * PAGE * (keys // entries) - 1) if first else ""
                start = key if not delimiter or not key else key.partition("/")[0] + "/"
                name = f"{keys:,} keys {'with' if delimiter else 'without'} delimiter, at {place}"
                found[name] = _pages(connection, bucket, delimiter, start)
    return found


def key_of(number: int) -> str:
    """Return the name of a key, in the listing's order."""
    return f"{number // PER_FOLDER:08d}/recording {number % PER_FOLDER}.wav"


def _fill(database: Path, bucket: str, keys: int) -> None:
    connection = sqlite3.connect(database)
    try:
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(objects)") if name != "key"]
        names = ", ".join(columns)
        with connection:
            connection.executemany(
                f"INSERT INTO objects (key, {names}) SELECT ?, {names} FROM objects WHERE bucket = ? AND key = ?",
                ((key_of(number).encode(), bucket, key_of(0).encode()) for number in range(1, keys)),
            )
    finally:
        connection.close()


def _pages(connection: Connection, bucket: str, delimiter: str, start: str) -> Times:
    times: list[float] = []
    token = ""
    while len(times) < PAGES:
        query = {"list-type": "2", "max-keys": str(PAGE), "encoding-type": "url", "delimiter": delimiter}
        query |= {"continuation-token": token} if token else {"start-after": start}
        request = signed_request("GET", HOST, bucket, "", query)
        began = time.perf_counter()
        answer = connection.fetch(request)
        times.append(1000 * (time.perf_counter() - began))
        page = ElementTree.fromstring(answer)
        if page.findtext("KeyCount") != str(PAGE):
            raise RuntimeError(f"a page of {page.findtext('KeyCount')} entries instead of {PAGE}")
        token = page.findtext("NextContinuationToken") or ""
        if not token:
            break
    return Times(statistics.median(times), max(times))
