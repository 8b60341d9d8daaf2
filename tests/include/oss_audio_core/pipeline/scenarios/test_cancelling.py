"""Cancelling a batch: what only it wants and nobody submitted is not submitted; nobody else's conversion is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, batches, conversions, open_catalogue
from oss_audio_core.catalogue.cancelling import Cancelled, cancel_batch
from oss_audio_core.catalogue.errors import NoSuchBatch
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.pipeline.decisions import Plan
from oss_audio_core.pipeline.submitting.options import SubmitOptions
from oss_audio_core.pipeline.submitting.shard_submitter import submit_shard
from oss_audio_core.pipeline.waiting.progress import Progress, read_progress

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

PlanIt = Callable[..., tuple[int, Plan]]
TWO = {"in/a.wav": "A", "in/b.wav": "B"}


@pytest.fixture
def catalogue(catalogue_url: sa.URL) -> Iterator[Catalogue]:
    """On each database."""
    opened = open_catalogue(catalogue_url)
    yield opened
    opened.close()


def states(catalogue: Catalogue, batch: int) -> dict[str, State]:
    with catalogue.read() as connection:
        return {one.key: one.state for one in conversions.of_batch(connection, batch, list(State))}


def test_what_is_planned_is_cancelled_once_and_planned_anew_by_the_next_run(
    catalogue: Catalogue, plan_it: PlanIt
) -> None:
    batch, _ = plan_it(TWO, name="nightly/1")
    assert cancel_batch(catalogue, "nightly/1") == Cancelled(2, 0, 0)
    assert cancel_batch(catalogue, "nightly/1") == Cancelled(0, 0, 0)
    assert set(states(catalogue, batch).values()) == {State.CANCELLED}
    # Its run has nothing to submit and nothing to wait for; its own plan stays as it is.
    with catalogue.read() as connection:
        assert read_progress(connection, [(batch, 0)])[batch, 0] == Progress(0, 0, 0, 0, left_out=2)
    assert plan_it(TWO, name="nightly/1")[1].decisions == {"new": 2}
    assert set(states(catalogue, batch).values()) == {State.CANCELLED}
    later, plan = plan_it(TWO, name="nightly/2")
    assert plan.decisions == {"new": 2}
    assert set(states(catalogue, later).values()) == {State.PLANNED}


@pytest.mark.parametrize("state", sorted(set(State) - {State.PLANNED}))
def test_whatever_is_no_longer_planned_goes_its_way(catalogue: Catalogue, plan_it: PlanIt, state: State) -> None:
    batch, _ = plan_it(TWO, name="nightly/1")
    with catalogue.write() as connection:
        one = conversion.c.key == "in/a.wav"
        connection.execute(sa.update(conversion).where(one).values(state=state.value))
    in_flight = int(state in {State.SUBMITTING, State.SUBMITTED})
    assert cancel_batch(catalogue, "nightly/1") == Cancelled(1, 0, in_flight)
    assert states(catalogue, batch) == {"in/a.wav": state, "in/b.wav": State.CANCELLED}


def test_a_batch_that_joined_is_not_stranded_by_cancelling_the_one_it_joined(
    catalogue: Catalogue, plan_it: PlanIt
) -> None:
    first, _ = plan_it(TWO, name="nightly/1")
    second, plan = plan_it({"in/a.wav": "A"}, name="manual/1")
    assert plan.decisions == {"joined": 1}
    assert cancel_batch(catalogue, "nightly/1") == Cancelled(1, 1, 0)
    assert states(catalogue, second) == {"in/a.wav": State.PLANNED}
    assert states(catalogue, first) == {"in/b.wav": State.CANCELLED}
    # The last one that wants it ends it.
    assert cancel_batch(catalogue, "manual/1") == Cancelled(1, 0, 0)
    assert states(catalogue, second) == {"in/a.wav": State.CANCELLED}


def test_a_batch_that_is_reported_keeps_nothing_planned(catalogue: Catalogue, plan_it: PlanIt) -> None:
    first, _ = plan_it(TWO, name="nightly/1")
    plan_it(TWO, name="manual/1")
    with catalogue.write() as connection:
        batches.end_batch(connection, first)
    assert cancel_batch(catalogue, "manual/1") == Cancelled(2, 0, 0)


def test_cancelling_an_unknown_batch_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(NoSuchBatch, match="the catalogue has no run 'nightly/9'"):
        cancel_batch(catalogue, "nightly/9")


class Waits(Exception):
    """The run waits for a slot."""


def test_a_run_that_was_reported_and_goes_on_is_not_stranded_by_cancelling_the_one_it_joined(
    steps: Steps, wav: Callable[..., bytes]
) -> None:
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav())
    steps.plan("mobile-mp3")
    second = steps.plan("mobile-mp3")
    with steps.catalogue.write() as connection:
        batches.end_batch(connection, second)

    def cancel_the_first() -> None:
        assert cancel_batch(steps.catalogue, f"{steps.prefix}0") == Cancelled(0, 2, 0)
        raise Waits

    # It told that not everything is finished, and its tasks were cleared.
    with pytest.raises(Waits):
        submit_shard(steps.catalogue, steps.oss, second, 0, SubmitOptions(in_flight=0), cancel_the_first)
    assert {one.state for one in steps.rows(second)} == {State.PLANNED}
    assert steps.submit(second) == {"accepted": 2}


def test_a_run_that_was_reported_and_begins_again_is_open(catalogue: Catalogue, plan_it: PlanIt) -> None:
    plan_it(TWO, name="nightly/1")
    second, _ = plan_it(TWO, name="manual/1")
    with catalogue.write() as connection:
        batches.end_batch(connection, second)
        assert batches.open_batch(connection, "manual/1", {}).id == second
    assert cancel_batch(catalogue, "nightly/1") == Cancelled(0, 2, 0)
    assert set(states(catalogue, second).values()) == {State.PLANNED}
