"""Nights by interval: what an earlier night left undone of older sources is seen to, once, and never silently lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import Profile
from oss_audio_core.catalogue import Catalogue, State, batches, conversions
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.pipeline.candidates import LEFT_BEHIND
from oss_audio_core.pipeline.decisions import Decision, Plan
from oss_audio_core.pipeline.plan_options import PlanOptions
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.selection import Selection

FIRST = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)

Night = Callable[..., tuple[int, Plan]]


@pytest.fixture
def night(catalogue: Catalogue, mp3: Profile) -> Night:
    """Plan the night of a day: `night(0, "in/a.wav")` lists what was written on that day."""

    def plan(day: int, *keys: str, etag: str = "E", prefix: str = "in/", **options: Any) -> tuple[int, Plan]:
        since, name = FIRST + day * DAY, options.pop("name", f"nightly/{day}")
        with catalogue.write() as connection:
            batch = batches.open_batch(connection, name, {})
            batches.begin_listing(connection, batch.id)
            listed = [ListedObject("audio", key, etag, 1000, since + DAY / 2) for key in keys]
            batches.add_listed(connection, batch.id, listed)
        selection = Selection("audio", (prefix,), modified_from=since, modified_before=since + DAY)
        options = {"leftovers": True, **options}
        return batch.id, plan_batch(catalogue, selection, [mp3], batch.id, PlanOptions(**options))

    return plan


def leave(catalogue: Catalogue, batch: int, state: State, *, reported: bool = True, **values: Any) -> None:
    """The conversions of a batch as its night left them."""
    with catalogue.write() as connection:
        connection.execute(sa.update(conversion).values(state=state.value, **values))
        if reported:
            batches.end_batch(connection, batch)


def of(catalogue: Catalogue, batch: int) -> list[Conversion]:
    with catalogue.read() as connection:
        return conversions.of_batch(connection, batch, list(State))


@pytest.mark.parametrize("state", [State.FAILED, State.QUARANTINED])
def test_a_failure_with_attempts_left_is_tried_again_by_a_later_night(
    catalogue: Catalogue, night: Night, state: State
) -> None:
    first, _ = night(0, "in/a.wav")
    leave(catalogue, first, state, code="InternalError", retry_at=now() - timedelta(minutes=1))
    tonight, plan = night(1, "in/b.wav")
    assert plan.decisions == {Decision.NEW: 1, Decision.RETRY: 1}
    assert plan.unchanged == 0
    assert [(one.key, one.state, one.attempt) for one in of(catalogue, tonight)] == [
        ("in/a.wav", State.PLANNED, 2),
        ("in/b.wav", State.PLANNED, 1),
    ]


def test_a_failure_that_backs_off_is_counted_and_left_for_a_later_night(catalogue: Catalogue, night: Night) -> None:
    first, _ = night(0, "in/a.wav")
    leave(catalogue, first, State.FAILED, retry_at=now() + timedelta(hours=1))
    assert night(1)[1].decisions == {Decision.BACKING_OFF: 1}
    leave(catalogue, first, State.FAILED, retry_at=now())
    assert night(2)[1].decisions == {Decision.RETRY: 1}


def test_a_failure_without_attempts_left_is_marked_dead_once(catalogue: Catalogue, night: Night) -> None:
    first, _ = night(0, "in/a.wav")
    leave(catalogue, first, State.FAILED, attempt=3)
    assert night(1)[1].decisions == {Decision.DEAD: 1}
    assert night(2)[1].decisions == {}


@pytest.mark.parametrize("state", [State.PLANNED, State.SUBMITTING, State.SUBMITTED, State.CONVERTED, State.VERIFIED])
@pytest.mark.parametrize("how", ["reported", "killed long ago"])
def test_an_abandoned_conversion_is_joined(catalogue: Catalogue, night: Night, state: State, how: str) -> None:
    first, _ = night(0, "in/a.wav")
    then = now() - LEFT_BEHIND - timedelta(minutes=1) if how == "killed long ago" else now()
    leave(catalogue, first, state, reported=how == "reported", changed_at=then)
    tonight, plan = night(1)
    assert plan.decisions == {Decision.JOINED: 1}
    assert [(one.key, one.state, one.attempt) for one in of(catalogue, tonight)] == [("in/a.wav", state, 1)]
    assert len(plan.shards) == 1


def test_a_conversion_that_another_run_still_works_on_is_not_joined(catalogue: Catalogue, night: Night) -> None:
    first, _ = night(0, "in/a.wav")
    leave(catalogue, first, State.SUBMITTED, reported=False, changed_at=now())
    assert night(1)[1].decisions == {}


def test_the_same_interval_twice_adds_nothing(catalogue: Catalogue, night: Night) -> None:
    first, _ = night(0, "in/a.wav")
    leave(catalogue, first, State.FAILED, retry_at=now())
    assert night(1)[1].decisions == {Decision.RETRY: 1}
    assert night(1, name="nightly/again")[1].decisions == {}


@pytest.mark.parametrize("state", [State.PUBLISHED, State.SKIPPED, State.DEAD, State.CANCELLED, State.SUPERSEDED])
def test_what_is_over_stays_over(catalogue: Catalogue, night: Night, state: State) -> None:
    first, _ = night(0, "in/a.wav")
    leave(catalogue, first, state)
    assert night(1)[1].decisions == {}


def test_a_source_that_was_written_anew_is_planned_as_it_is_now(catalogue: Catalogue, night: Night) -> None:
    first, _ = night(0, "in/a.wav")
    leave(catalogue, first, State.FAILED, retry_at=now())
    tonight, plan = night(1, "in/a.wav", etag="another")
    assert plan.decisions == {Decision.CHANGED: 1}
    assert [one.etag for one in of(catalogue, tonight)] == ["another"]


@pytest.mark.parametrize("options", [{"leftovers": False}, {"prefix": "other/"}], ids=["not asked for", "elsewhere"])
def test_only_what_the_selection_is_about(catalogue: Catalogue, night: Night, options: dict[str, Any]) -> None:
    first, _ = night(0, "in/a.wav")
    leave(catalogue, first, State.FAILED, retry_at=now())
    assert night(1, **options)[1].decisions == {}


def test_an_older_interval_leaves_later_ones_alone(catalogue: Catalogue, night: Night) -> None:
    later, _ = night(5, "in/a.wav")
    leave(catalogue, later, State.FAILED, retry_at=now())
    assert night(2)[1].decisions == {}


def test_force_is_about_what_is_listed(catalogue: Catalogue, night: Night) -> None:
    first, _ = night(0, "in/a.wav")
    leave(catalogue, first, State.FAILED, retry_at=now())
    assert night(1, "in/b.wav", force=True)[1].decisions == {Decision.NEW: 1, Decision.RETRY: 1}
