"""Listing into the catalogue: several prefixes side by side, and reasons counted over all of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import oss2
import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import batches
from oss_audio_core.catalogue.schema import batch, listing
from oss_audio_core.pipeline import listing as listing_module
from oss_audio_core.pipeline.listing import list_sources
from oss_audio_core.pipeline.selection import Selection

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps


def listed(steps: Steps, batch_id: int) -> list[str]:
    with steps.catalogue.read() as connection:
        keys = connection.scalars(sa.select(listing.c.key).where(listing.c.batch_id == batch_id))
        return sorted(key.removeprefix(steps.prefix) for key in keys)


def begin(steps: Steps) -> int:
    with steps.catalogue.write() as connection:
        return batches.open_batch(connection, f"{steps.prefix}listing", {}).id


def test_prefixes_side_by_side_page_by_page(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_module, "PAGE", 2)
    for folder in ("x/", "y/", "z/"):
        for name in ("1.wav", "2.flac", "3.mp3", "notes.txt"):
            steps.put(folder + name, b"12345")
    selection = Selection(steps.bucket, tuple(steps.prefix + folder for folder in ("x/", "y/")), min_size=5)
    batch_id = begin(steps)
    bucket = steps.oss.bucket(steps.bucket)
    assert list_sources(steps.catalogue, bucket, selection, batch_id) == (6, {"not audio by its name": 2})
    assert listed(steps, batch_id) == ["x/1.wav", "x/2.flac", "x/3.mp3", "y/1.wav", "y/2.flac", "y/3.mp3"]


def test_a_listing_that_broke_off_is_begun_anew(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_module, "PAGE", 1)
    for name in ("1.wav", "2.wav"):
        steps.put(name, b"12345")
    batch_id = begin(steps)
    bucket = steps.oss.bucket(steps.bucket)
    list_page, answers = bucket.list_objects_v2, iter([True, False])

    def failing(*args: object, **arguments: object) -> object:
        if next(answers):
            return list_page(*args, **arguments)
        raise oss2.exceptions.RequestError(ConnectionResetError("said the test"))

    monkeypatch.setattr(bucket, "list_objects_v2", failing)
    selection = Selection(steps.bucket, (steps.prefix,))
    with pytest.raises(oss2.exceptions.RequestError):
        list_sources(steps.catalogue, bucket, selection, batch_id)
    with steps.catalogue.read() as connection:
        assert connection.scalar(sa.select(batch.c.listed).where(batch.c.id == batch_id)) == 0
    monkeypatch.undo()
    assert list_sources(steps.catalogue, steps.oss.bucket(steps.bucket), selection, batch_id) == (2, {})
    assert listed(steps, batch_id) == ["1.wav", "2.wav"]


def test_archived_sources_are_left_out_restored_on_request_and_then_taken(steps: Steps) -> None:
    bucket = steps.oss.bucket(steps.bucket)
    for name, storage_class in (("cold.wav", "Archive"), ("colder.wav", "ColdArchive"), ("here.wav", "Standard")):
        bucket.put_object(steps.prefix + name, b"12345", headers={"x-oss-storage-class": storage_class})
    selection = Selection(steps.bucket, (steps.prefix,))

    def again(*, restore: bool) -> tuple[int, dict[str, int]]:
        listed, passed_over = list_sources(steps.catalogue, bucket, selection, begin(steps), restore=restore)
        return listed, dict(passed_over)

    assert again(restore=False) == (1, {"archived": 2})
    assert again(restore=True) == (1, {"archived, restoring was asked for": 2})
    deadline = time.monotonic() + 60
    while (found := again(restore=False)) != (3, {}):
        assert found[1].keys() <= {"archived, being restored"}
        assert time.monotonic() < deadline
        time.sleep(0.2)
