"""The transition table against the statements that make the moves: every state × every verb × every guard."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, Verb
from oss_audio_core.catalogue.conversions import (
    Attempt,
    MissingGuardValue,
    claim,
    count_states,
    fetch,
    move,
    record_superseded_task,
    renew,
    retry,
)
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.inbox import fail
from oss_audio_core.catalogue.schema import batch, batch_conversion, conversion
from oss_audio_core.catalogue.states import MOVES, Guard
from tests.include.oss_audio_core.catalogue.rows import add_conversion as write_conversion
from tests.include.oss_audio_core.catalogue.rows import add_source

TOKEN = "held-by-the-caller"


def add_conversion(catalogue: Catalogue, state: State = State.PLANNED, key: str = "a.wav", **values: Any) -> int:
    """Write one conversion row, with every guard satisfied unless `values` say otherwise."""
    row = {"token": TOKEN, "lease_until": now() - timedelta(seconds=1), **values}
    with catalogue.write() as connection:
        # Every generation is of a content of its own.
        source_id = add_source(connection, key, etag=f"E{values.get('generation', 1)}")
        return write_conversion(connection, source_id, key, state, **row)


def state_of(catalogue: Catalogue, conversion_id: int) -> State:
    with catalogue.read() as connection:
        return State(connection.scalar(sa.select(conversion.c.state).where(conversion.c.id == conversion_id)))


def satisfying(verb: Verb) -> dict[str, Any]:
    """Column values with which every guard of a verb holds."""
    return {"attempt": 3} if Guard.ATTEMPTS_SPENT in MOVES[verb].guards else {}


def at_attempt(row: int, verb: Verb) -> Attempt | int:
    """A conversion as the verb wants it named: by the attempt it is written with, or by its id."""
    return Attempt(row, 1) if Guard.ATTEMPT in MOVES[verb].guards else row


@pytest.mark.parametrize("verb", list(Verb))
def test_every_verb_moves_exactly_the_states_of_its_line(catalogue: Catalogue, verb: Verb) -> None:
    rows = {state: add_conversion(catalogue, state, key=f"{state}.wav", **satisfying(verb)) for state in State}
    with catalogue.write() as connection:
        moved = move(connection, verb, [at_attempt(row, verb) for row in rows.values()], held=TOKEN)
    step = MOVES[verb]
    assert moved == len(step.sources)
    assert {state: state_of(catalogue, rows[state]) for state in State} == {
        state: step.target if state in step.sources else state for state in State
    }


BREACHES: dict[Guard, dict[str, Any]] = {
    Guard.TOKEN: {"token": "taken-over"},
    Guard.ATTEMPT: {"attempt": 2},
    Guard.LEASE_EXPIRED: {"lease_until": now() + timedelta(hours=1)},
    Guard.UNREPLACED: {"newest": False},
    Guard.ATTEMPTS_LEFT: {"attempt": 3},
    Guard.ATTEMPTS_SPENT: {"attempt": 2},
}


@pytest.mark.parametrize(
    ("verb", "guard"), [(verb, guard) for verb, step in MOVES.items() for guard in sorted(step.guards)]
)
def test_a_breached_guard_stops_the_move(catalogue: Catalogue, verb: Verb, guard: Guard) -> None:
    breached = {**satisfying(verb), **BREACHES[guard]}
    rows = [add_conversion(catalogue, state, key=f"{state}.wav", **breached) for state in sorted(MOVES[verb].sources)]
    if guard is Guard.UNREPLACED:
        for state in MOVES[verb].sources:
            add_conversion(catalogue, State.PUBLISHED, key=f"{state}.wav", generation=2)
    with catalogue.write() as connection:
        assert move(connection, verb, [at_attempt(row, verb) for row in rows], held=TOKEN) == 0


def test_a_former_owner_of_a_final_key_is_not_published_over_the_present_one(catalogue: Catalogue) -> None:
    given_up = {"newest": False, "target_key": "renditions/a.mp3"}
    former = add_conversion(catalogue, State.VERIFIED, key="a.wav", **given_up)
    add_conversion(catalogue, State.PUBLISHED, key="a.flac", target_key="renditions/a.mp3")
    again = add_conversion(catalogue, State.VERIFIED, key="a.wav", generation=2, **given_up)
    with catalogue.write() as connection:
        assert move(connection, Verb.PUBLISH, Attempt(former, 1)) == 0
        assert move(connection, Verb.PUBLISH, Attempt(again, 1)) == 1


def test_every_state_is_reached_and_every_active_state_left() -> None:
    begun = {State.PLANNED, State.SKIPPED}
    assert begun | {step.target for step in MOVES.values()} == set(State)
    left = {state for step in MOVES.values() for state in step.sources if step.target is not state}
    ends = {State.SUPERSEDED, State.SKIPPED, State.CANCELLED}
    assert left == set(State) - ends


def test_a_move_that_guards_on_the_token_demands_it(catalogue: Catalogue) -> None:
    row = add_conversion(catalogue, State.SUBMITTING)
    with catalogue.write() as connection, pytest.raises(MissingGuardValue, match="accept needs the token"):
        move(connection, Verb.ACCEPT, row)


@pytest.mark.parametrize("verb", [verb for verb, step in MOVES.items() if Guard.ATTEMPT in step.guards])
def test_a_move_that_guards_on_the_attempt_demands_it(catalogue: Catalogue, verb: Verb) -> None:
    row = add_conversion(catalogue, min(MOVES[verb].sources))
    with catalogue.write() as connection, pytest.raises(MissingGuardValue, match=f"{verb} needs the attempt"):
        move(connection, verb, row)


def test_a_late_finding_about_an_attempt_leaves_the_next_one_alone(catalogue: Catalogue) -> None:
    row = add_conversion(catalogue, State.SUBMITTED)
    with catalogue.write() as connection:
        assert fail(connection, Attempt(row, 1), "X", "the first attempt failed") == 1
        retry(connection, [row])
        claim(connection, Verb.CLAIM, [row], token="second", lease_until=now())
        assert move(connection, Verb.ACCEPT, row, held="second", task_id="T2") == 1
        assert fail(connection, Attempt(row, 1), "X", "the first attempt failed") == 0
        assert move(connection, Verb.COMPLETE, [Attempt(row, 1)]) == 0
        assert move(connection, Verb.COMPLETE, [Attempt(row, 2)]) == 1


def test_texts_of_a_service_are_stored_whatever_is_in_them(catalogue: Catalogue) -> None:
    row = add_conversion(catalogue, State.SUBMITTED)
    with catalogue.write() as connection:
        assert fail(connection, Attempt(row, 1), "Nul\x00", "surrogate \ud800, 歌") == 1
        failed = fetch(connection, conversion.c.id == row)[0]
    assert (failed.code, failed.message) == ("Nul�", "surrogate �, 歌")


def test_concurrent_moves_lock_conversions_in_the_same_order(catalogue: Catalogue) -> None:
    rows = [
        add_conversion(catalogue, State.SUBMITTED, key=f"{number}.wav", attempt=1 + number % 2) for number in range(6)
    ]
    attempts = [Attempt(row, 1 + number % 2) for number, row in enumerate(rows)]
    taken: list[Any] = []
    with catalogue.write() as connection:
        sa.event.listen(connection, "before_execute", lambda *event: taken.append(event[3]))
        assert move(connection, Verb.COMPLETE, attempts[:0:-1]) == 5
        assert move(connection, Verb.COMPLETE, attempts[:1]) == 1
    assert [one["at_attempt"] for one in taken] == [1, 2, 1]
    assert [one["ids"] for one in taken[:2]] == [[rows[2], rows[4]], [rows[1], rows[3], rows[5]]]


def test_of_many_claimants_each_conversion_has_one(catalogue: Catalogue) -> None:
    rows = [add_conversion(catalogue, key=f"{number}.wav") for number in range(20)]

    def claim_all(name: str) -> list[int]:
        with catalogue.write() as connection:
            claimed = claim(connection, Verb.CLAIM, rows, token=name, lease_until=now() + timedelta(minutes=1))
        return [one.id for one in claimed]

    with ThreadPoolExecutor(6) as pool:
        shares = list(pool.map(claim_all, [f"claimant-{number}" for number in range(6)]))
    assert sorted(row for share in shares for row in share) == rows


def test_a_stalled_claim_writes_nothing_after_its_successor(catalogue: Catalogue) -> None:
    row = add_conversion(catalogue, State.PLANNED)
    with catalogue.write() as connection:
        claim(connection, Verb.CLAIM, [row], token="stalled", lease_until=now() - timedelta(seconds=1))
        claim(connection, Verb.RECLAIM, [row], token="successor", lease_until=now() + timedelta(minutes=1))
        assert move(connection, Verb.ACCEPT, row, held="stalled", task_id="T-old") == 0
        assert move(connection, Verb.ACCEPT, row, held="successor", task_id="T-new") == 1
        assert fetch(connection, conversion.c.id == row)[0].task_id == "T-new"


def test_a_claim_is_renewed_only_with_its_token(catalogue: Catalogue) -> None:
    row = add_conversion(catalogue, State.PLANNED)
    with catalogue.write() as connection:
        claim(connection, Verb.CLAIM, [row], token="holder", lease_until=now() - timedelta(seconds=1))
        assert renew(connection, [row], token="somebody", lease=timedelta(minutes=1)) == 0
        assert renew(connection, [row], token="holder", lease=timedelta(minutes=1)) == 1
        assert claim(connection, Verb.RECLAIM, [row], token="successor", lease_until=now()) == []
        move(connection, Verb.ACCEPT, row, held="holder", task_id="T")
        assert renew(connection, [row], token="holder", lease=timedelta(minutes=1)) == 0


def test_the_task_of_a_superseded_conversion_is_recorded_only_with_its_token(catalogue: Catalogue) -> None:
    row = add_conversion(catalogue, State.PLANNED)
    with catalogue.write() as connection:
        claim(connection, Verb.CLAIM, [row], token="holder", lease_until=now() + timedelta(minutes=1))
        move(connection, Verb.SUPERSEDE, row)
        record_superseded_task(connection, row, token="somebody", task_id="T-other")
        assert fetch(connection, conversion.c.id == row)[0].task_id is None
        record_superseded_task(connection, row, token="holder", task_id="T")
        kept = fetch(connection, conversion.c.id == row)[0]
    assert (kept.state, kept.task_id) == (State.SUPERSEDED, "T")


def test_a_retry_is_the_next_attempt_and_remembers_only_the_task_of_the_last(catalogue: Catalogue) -> None:
    row = add_conversion(
        catalogue, State.FAILED, task_id="T", output_key="staging/1-1.mp3", code="X", message="broken", retry_at=now()
    )
    with catalogue.write() as connection:
        assert retry(connection, [row]) == 1
        again = fetch(connection, conversion.c.id == row)[0]
    assert (again.state, again.attempt) == (State.PLANNED, 2)
    assert (again.task_id, again.output_key, again.code, again.message) == ("T", None, None, None)


def test_states_are_counted_by_shard(catalogue: Catalogue) -> None:
    rows = [add_conversion(catalogue, state, key=f"{state}.wav") for state in (State.PLANNED, State.FAILED)]
    with catalogue.write() as connection:
        batch_id = connection.execute(
            sa.insert(batch).values(name="d/r", uid="u", params={}, passed_over={}, decisions={}, created_at=now())
        ).inserted_primary_key[0]
        for shard, row in enumerate(rows):
            connection.execute(
                sa.insert(batch_conversion).values(
                    batch_id=batch_id, conversion_id=row, ordinal=shard, shard=shard, decision="new"
                )
            )
        assert count_states(connection, batch_id) == {State.PLANNED: 1, State.FAILED: 1}
        assert count_states(connection, batch_id, shard=1) == {State.FAILED: 1}
