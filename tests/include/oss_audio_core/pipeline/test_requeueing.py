"""Failures planned again by a person: by batch, reason and profile, the dead ones on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.catalogue import Catalogue, State, batches, conversions, open_catalogue
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.pipeline.batch_request import BatchRequest, RequestError
from oss_audio_core.pipeline.decisions import Plan
from oss_audio_core.pipeline.requeueing import Wanted, requeue
from oss_audio_core.pipeline.sharding import ShardLimits

PlanIt = Callable[..., tuple[int, Plan]]


@pytest.fixture
def catalogue(catalogue_url: sa.URL) -> Iterator[Catalogue]:
    """On each database."""
    opened = open_catalogue(catalogue_url)
    yield opened
    opened.close()


def fail(catalogue: Catalogue, key: str, state: State, code: str, *, attempt: int = 1) -> None:
    with catalogue.write() as connection:
        which = conversion.c.key == key
        values = {"state": state.value, "code": code, "message": "said the test", "attempt": attempt}
        connection.execute(sa.update(conversion).where(which).values(**values))


def of_batch(catalogue: Catalogue, batch: int) -> list[Conversion]:
    with catalogue.read() as connection:
        return conversions.of_batch(connection, batch, list(State))


@pytest.fixture
def night(catalogue: Catalogue, plan_it: PlanIt) -> str:
    """A batch of one published, one failed, one quarantined and one dead conversion."""
    plan_it({"in/a.wav": "A", "in/b.wav": "B", "in/c.wav": "C", "in/d.wav": "D"}, name="nightly/1")
    fail(catalogue, "in/a.wav", State.PUBLISHED, "")
    fail(catalogue, "in/b.wav", State.FAILED, "DeadlineExceeded")
    fail(catalogue, "in/c.wav", State.QUARANTINED, "WrongCodec", attempt=2)
    fail(catalogue, "in/d.wav", State.DEAD, "DeadlineExceeded", attempt=3)
    return "nightly/1"


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (Wanted(), "bc"),
        (Wanted(batch="nightly/1"), "bc"),
        (Wanted(dead=True), "bcd"),
        (Wanted(code="DeadlineExceeded"), "b"),
        (Wanted(code="DeadlineExceeded", dead=True), "bd"),
        (Wanted(profile="mp3", limit=1), "b"),
    ],
)
def test_what_is_tried_again(catalogue: Catalogue, night: str, wanted: Wanted, keys: str) -> None:
    before = {one.key: one.attempt for one in of_batch(catalogue, 1)}
    batch = requeue(catalogue, "requeue_failed/1", wanted)
    again = of_batch(catalogue, batch)
    assert [one.key for one in again] == [f"in/{key}.wav" for key in keys]
    assert {one.state for one in again} == {State.PLANNED}
    assert all(one.attempt == before[one.key] + 1 for one in again)
    with catalogue.read() as connection:
        kept = batches.get_batch(connection, batch)
        assert batches.shards_of(connection, batch) == [0]
    assert kept.decisions == {"requeued": len(keys)}
    assert BatchRequest.from_json(kept.params) == BatchRequest("audio", profiles=("mp3",))


def test_a_cleared_task_finds_its_batch_as_it_is(catalogue: Catalogue, night: str) -> None:
    first = requeue(catalogue, "requeue_failed/1", Wanted())
    assert requeue(catalogue, "requeue_failed/1", Wanted(dead=True)) == first
    assert len(of_batch(catalogue, first)) == 2


def test_a_revived_one_has_the_attempts_it_was_given(catalogue: Catalogue, night: str) -> None:
    batch = requeue(catalogue, "requeue_failed/1", Wanted(dead=True, attempts=2, code="DeadlineExceeded"))
    with catalogue.read() as connection:
        rows = connection.execute(sa.select(conversion.c.key, conversion.c.attempt, conversion.c.max_attempts)).all()
    found = {row.key: (row.attempt, row.max_attempts) for row in rows}
    assert len(of_batch(catalogue, batch)) == 2
    assert (found["in/b.wav"], found["in/d.wav"]) == ((2, 3), (4, 5))


def test_it_is_cut_into_shards(catalogue: Catalogue, night: str) -> None:
    batch = requeue(catalogue, "requeue_failed/1", Wanted(dead=True), ShardLimits(conversions=2))
    assert [one.shard for one in of_batch(catalogue, batch)] == [0, 0, 1]


def test_of_one_profile_alone(catalogue: Catalogue, plan_it: PlanIt, mp3: Profile) -> None:
    aac = replace(mp3, name="aac", convert=AudioConvert(f="aac"), target_key="out/{key}.aac")
    plan_it({"in/a.wav": "A"}, profiles=[mp3, aac])
    fail(catalogue, "in/a.wav", State.FAILED, "X")
    (again,) = of_batch(catalogue, requeue(catalogue, "requeue_failed/1", Wanted(profile="aac")))
    assert again.profile == "aac"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(batch="nightly/2"), "there is no batch 'nightly/2'; the latest are 'nightly/1'"),
        (
            Wanted(code="Nonsense"),
            "no failure is as wanted; there are: 1 DeadlineExceeded (failed) of mp3, 1 WrongCodec (quarantined) of mp3"
            "; and with no attempts left (tick *Dead ones, too*): 1 DeadlineExceeded (dead) of mp3",
        ),
        (
            Wanted(code="Nonsense", dead=True),
            "no failure is as wanted; there are: 1 DeadlineExceeded (dead) of mp3, 1 DeadlineExceeded (failed) of mp3, "
            "1 WrongCodec (quarantined) of mp3",
        ),
    ],
)
def test_nothing_found_says_what_there_is(catalogue: Catalogue, night: str, wanted: Wanted, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        requeue(catalogue, "requeue_failed/1", wanted)
    assert str(caught.value) == message
    requeue(catalogue, "requeue_failed/2", Wanted())


def test_the_morning_after_the_last_attempt_says_what_to_tick(catalogue: Catalogue, plan_it: PlanIt) -> None:
    keys = [f"in/{name}.wav" for name in "abc"]
    plan_it({key: key for key in keys}, name="nightly/1")
    for key in keys:
        fail(catalogue, key, State.FAILED, "InvalidMedia", attempt=3)
    with pytest.raises(RequestError) as caught:
        requeue(catalogue, "requeue_failed/1", Wanted(batch="nightly/1"))
    assert str(caught.value) == (
        "no failure is as wanted; there are: none with attempts left; and with no attempts left (tick "
        "*Dead ones, too*): 3 InvalidMedia (failed) of mp3"
    )
    assert len(of_batch(catalogue, requeue(catalogue, "requeue_failed/2", Wanted(dead=True)))) == 3


def test_where_nothing_failed_there_is_nothing_to_tick(catalogue: Catalogue, plan_it: PlanIt) -> None:
    plan_it({"in/a.wav": "A"}, name="nightly/1")
    with pytest.raises(RequestError) as caught:
        requeue(catalogue, "requeue_failed/1", Wanted())
    assert str(caught.value) == "no failure is as wanted; there are: none at all"


@pytest.mark.parametrize("values", [{"attempts": 0}, {"limit": 0}])
def test_wrong_numbers_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(RequestError, match="give 1 or more"):
        Wanted(**values)
