"""Planning a million listed objects: the cost of one night when 1 % of them is new, and when nothing is.

Each night runs in a process of its own, whose peak memory is its figure. The time covers writing the pages of the
listing into a SQLite catalogue, and planning. The LIST requests and filling the catalogue beforehand are not measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from benchmarks.process_memory import peak
from oss_audio_core.audio_convert import load_profiles
from oss_audio_core.catalogue import Catalogue, batches, open_catalogue
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.catalogue.schema import conversion, source
from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.planning import plan_batch

PAGE = 1000
PROFILE = "mobile-mp3"
LISTED_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Night:
    """The time and memory of one night's listing and planning.

    Attributes:
        listing: seconds.
        planning: seconds.
        resident: peak of the process, bytes.
        wanted: conversions that were planned.
    """

    listing: float
    planning: float
    resident: int
    wanted: int


def measure(objects: int, say: Callable[[str], None]) -> dict[str, Night]:
    """Both nights over one catalogue."""
    with tempfile.TemporaryDirectory(prefix="bench-planning-") as folder:
        database = Path(folder) / "catalogue.db"
        say(f"making a catalogue in which 99 % of {objects} sources are published")
        _fill(database, objects, objects // 100)
        nights = {}
        for name in ("1 % new", "nothing new"):
            nights[name] = _night(database, objects)
            say(f"planned a night with {name}")
        return nights


def summary(nights: dict[str, Night]) -> list[str]:
    """Return the figures as lines of a Markdown table."""
    lines = ["| planning | listing into the catalogue | plan | peak memory | planned |", "|---|---:|---:|---:|---:|"]
    for name, night in nights.items():
        memory = night.resident / 2**20
        lines.append(f"| {name} | {night.listing:.1f} s | {night.planning:.1f} s | {memory:.0f} MiB | {night.wanted} |")
    return lines


def as_json(nights: dict[str, Night]) -> dict[str, object]:
    """Return the figures for the last line."""
    return {name: asdict(night) for name, night in nights.items()}


def _key(number: int) -> str:
    return f"incoming/{number % 1000:03}/recording-{number:07}.wav"


def _keys(objects: int) -> Iterator[str]:
    """Generate objects in the order of an OSS listing."""
    for folder in range(min(1000, objects)):
        for number in range(folder, objects, 1000):
            yield _key(number)


def _fill(database: Path, objects: int, missing: int) -> None:
    """Enter all but the missing sources with a published conversion each, by bulk statements."""
    spec = load_profiles()[PROFILE]
    catalogue = open_catalogue(f"sqlite:///{database}")
    keys = [key for number, key in enumerate(_keys(objects)) if number % 100 or not missing]
    for start in range(0, len(keys), 20 * PAGE):
        part = keys[start : start + 20 * PAGE]
        with catalogue.write() as connection:
            connection.execute(
                sa.insert(source),
                [
                    {
                        "id": start + offset + 1,
                        "bucket": "audio",
                        "key": key,
                        "etag": f"E{key}",
                        "size": 1000,
                        "last_modified": LISTED_AT,
                        "first_listed_at": LISTED_AT,
                    }
                    for offset, key in enumerate(part)
                ],
            )
            connection.execute(
                sa.insert(conversion),
                [
                    {
                        "source_id": start + offset + 1,
                        "bucket": "audio",
                        "key": key,
                        "profile": spec.name,
                        "digest": spec.digest(),
                        "process": spec.convert.render(),
                        "target_bucket": "audio",
                        "target_key": spec.target_for("audio", key)[1],
                        "publish": "staged",
                        "generation": 1,
                        "newest": True,
                        "state": "published",
                        "attempt": 1,
                        "max_attempts": 3,
                        "created_at": LISTED_AT,
                        "changed_at": LISTED_AT,
                    }
                    for offset, key in enumerate(part)
                ],
            )
    catalogue.close()


def _night(database: Path, objects: int) -> Night:
    command = [sys.executable, "-m", "benchmarks.planning", "--database", str(database), "--objects", str(objects)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Night(**json.loads(answer.splitlines()[-1]))


def _plan_a_night(database: Path, objects: int) -> Night:
    catalogue = open_catalogue(f"sqlite:///{database}")
    request = BatchRequest("audio", ("incoming/",), profiles=(PROFILE,))
    with catalogue.write() as connection:
        batch = batches.open_batch(connection, f"bench/{time.time_ns()}", request.to_json())
    began = time.monotonic()
    _list(catalogue, batch.id, objects)
    listed = time.monotonic()
    plan = plan_batch(catalogue, request.selection(), request.specs(), batch.id)
    planned, most = time.monotonic(), peak()
    with catalogue.write() as connection:  # so that the next night finds all of it done
        connection.execute(sa.update(conversion).values(state="published"))
    catalogue.close()
    return Night(listed - began, planned - listed, most, plan.wanted)


def _list(catalogue: Catalogue, batch_id: int, objects: int) -> None:
    page: list[ListedObject] = []
    for key in _keys(objects):
        page.append(ListedObject("audio", key, f"E{key}", 1000, LISTED_AT))
        if len(page) == PAGE:
            _enter(catalogue, batch_id, page)
    _enter(catalogue, batch_id, page)
    with catalogue.write() as connection:
        batches.end_listing(connection, batch_id, listed=objects, passed_over={})


def _enter(catalogue: Catalogue, batch_id: int, page: list[ListedObject]) -> None:
    with catalogue.write() as connection:
        batches.add_listed(connection, batch_id, page)
    page.clear()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--objects", type=int, required=True)
    options = parser.parse_args()
    print(json.dumps(asdict(_plan_a_night(options.database, options.objects))))
