"""A SQLite catalogue, and batches planned from a listing that is given instead of fetched."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from include.audio_convert import AudioConvert, Profile
from include.catalogue import Catalogue, batches, open_catalogue
from include.catalogue.batches import ListedObject
from include.pipeline.planning import Plan, plan_batch
from include.pipeline.selection import Selection

LISTED_AT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    opened = open_catalogue(f"sqlite:///{tmp_path}/catalogue.db")
    yield opened
    opened.close()


@pytest.fixture
def mp3() -> Profile:
    return Profile(
        name="mp3",
        description="",
        convert=AudioConvert(f="mp3", ab=64000, ar=44100, ac=2),
        target_key="out/{dirname}/{barename}.mp3",
    )


PlanIt = Callable[..., tuple[int, Plan]]


@pytest.fixture
def plan_it(catalogue: Catalogue, mp3: Profile) -> PlanIt:
    """Plan a batch of listed objects: `plan_it({"in/a.wav": "ETAG", …}, name=…, profiles=[…], **options)`."""
    numbers = itertools.count()

    def plan(
        listed: dict[str, str], *, profiles: Sequence[Any] = (mp3,), name: str | None = None, **options: Any
    ) -> tuple[int, Plan]:
        sizes = options.pop("sizes", {})
        with catalogue.write() as connection:
            batch = batches.open_batch(connection, name or f"dag/run-{next(numbers)}", {})
            batches.begin_listing(connection, batch.id)
            objects = [
                ListedObject("audio", key, etag, sizes.get(key, 1000), LISTED_AT) for key, etag in listed.items()
            ]
            batches.add_listed(connection, batch.id, objects)
        selection = Selection("audio", ("in/",))
        return batch.id, plan_batch(catalogue, selection, profiles, batch.id, **options)

    return plan
