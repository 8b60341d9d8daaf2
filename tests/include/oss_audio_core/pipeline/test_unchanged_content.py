"""A source that is written again byte for byte is not converted again, whatever its ETag; any other change is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import oss2
import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import batches
from oss_audio_core.pipeline import unchanged_content
from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.decisions import Decision, Plan
from oss_audio_core.pipeline.listing import list_sources
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.unchanged_content import find_unchanged_content

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

Wav = Callable[..., bytes]


def put_in_parts(steps: Steps, name: str, content: bytes) -> None:
    """An upload in one part: the same bytes have another ETag than a PUT gives them."""
    bucket, key = steps.oss.bucket(steps.bucket), steps.prefix + name
    upload = bucket.init_multipart_upload(key).upload_id
    part = bucket.upload_part(key, upload, 1, content)
    bucket.complete_multipart_upload(key, upload, [oss2.models.PartInfo(1, part.etag)])


def next_night(steps: Steps) -> tuple[int, Plan]:
    """What the tasks list and plan do: how many checksums were asked for, and the plan."""
    request = BatchRequest(steps.bucket, (steps.prefix,), profiles=("mobile-mp3",))
    with steps.catalogue.write() as connection:
        batch = batches.open_batch(connection, f"{steps.prefix}night-{next(steps.numbers)}", request.to_json())
    list_sources(steps.catalogue, steps.oss.bucket(steps.bucket), request.selection(), batch.id)
    asked = find_unchanged_content(steps.catalogue, steps.oss, batch.id)
    return asked, plan_batch(steps.catalogue, request.selection(), request.specs(), batch.id)


@pytest.fixture
def content(steps: Steps, wav: Wav) -> bytes:
    """Of a source whose rendition stands."""
    made = wav()
    steps.put("a.wav", made)
    batch = steps.to_converted("mobile-mp3")
    steps.verify(batch)
    assert steps.publish(batch) == {"published": 1}
    return made


def test_another_etag_of_the_same_bytes_costs_one_request_once(steps: Steps, content: bytes) -> None:
    put_in_parts(steps, "a.wav", content)
    asked, plan = next_night(steps)
    assert (asked, plan.decisions, plan.unchanged) == (1, {}, 1)
    asked, plan = next_night(steps)
    assert (asked, plan.decisions, plan.unchanged) == (0, {}, 1)


def test_the_same_etag_costs_nothing(steps: Steps, content: bytes) -> None:
    steps.put("a.wav", content)
    asked, plan = next_night(steps)
    assert (asked, plan.decisions, plan.unchanged) == (0, {}, 1)


def test_other_bytes_of_the_same_size_are_converted(steps: Steps, content: bytes) -> None:
    put_in_parts(steps, "a.wav", content[:-1] + bytes([content[-1] ^ 1]))
    asked, plan = next_night(steps)
    assert (asked, plan.decisions) == (1, {Decision.CHANGED: 1})


def test_bytes_of_another_size_are_converted_unasked(steps: Steps, content: bytes) -> None:
    put_in_parts(steps, "a.wav", content + b"more")
    asked, plan = next_night(steps)
    assert (asked, plan.decisions) == (0, {Decision.CHANGED: 1})


def test_a_conversion_that_waits_for_verification_takes_the_new_etag_for_the_same_content(
    steps: Steps, content: bytes
) -> None:
    batch = steps.to_converted("mobile-mp3", force=True)
    put_in_parts(steps, "a.wav", content)
    assert steps.verify(batch) == {"verified": 1}
    assert steps.publish(batch) == {"published": 1}
    assert next_night(steps)[1].decisions == {}


def test_a_long_listing_is_gone_through_in_parts_by_index(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {f"{number}.wav": wav(0.2 + number / 100) for number in range(5)}
    for name, content in contents.items():
        steps.put(name, content)
    batch = steps.to_converted("mobile-mp3", "voice-amr-nb")
    steps.verify(batch)
    assert steps.publish(batch) == {"published": 10}
    for name in ("0.wav", "3.wav", "4.wav"):
        put_in_parts(steps, name, contents[name])
    monkeypatch.setattr(unchanged_content, "CHUNK", 2)
    searches: list[str] = []

    @sa.event.listens_for(steps.catalogue._engine, "before_cursor_execute")
    def explain(_connection: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if statement.startswith("SELECT DISTINCT"):
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)
            searches.extend(row[3] for row in plan if "SEARCH" in row[3])

    asked, plan = next_night(steps)
    assert (asked, plan.decisions, plan.unchanged) == (3, {}, 5)
    # Each search goes to its rows at once: to a million sources a part costs what it costs to five.
    assert {search.rpartition("(")[0].split()[1] for search in searches} == {
        "listing",
        "conversion",
        "source",
        "content",
    }
    for search in searches:
        assert any(exact in search for exact in ("(bucket,key)>", "key=?", "rowid=?")), search
