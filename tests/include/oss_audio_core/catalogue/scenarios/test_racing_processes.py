"""Two processes race on every move, and on every two moves that exclude each other: exactly one wins each row."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, Verb
from oss_audio_core.catalogue.conversions import fetch
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import attempt, conversion
from oss_audio_core.catalogue.states import MOVES, Guard
from tests.include.oss_audio_core.catalogue.rows import add_conversion, add_source

ROOT = Path(__file__).parents[5]
TOKEN = "held-by-the-caller"
ROWS = 6

Race = Callable[[Verb, Verb, list[int]], list[tuple[int, int]]]


@pytest.fixture
def race(catalogue: Catalogue, catalogue_url: sa.URL) -> Iterator[Race]:
    """Have each of two processes make one verb on the same rows at once; returns how many rows each of them moved."""
    command = [sys.executable, str(Path(__file__).with_name("competing_process.py"))]
    address = catalogue_url.render_as_string(hide_password=False)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, name, address],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=ROOT,
                    env=os.environ | {"PYTHONPATH": str(ROOT)},
                )
            )
            for name in ("one", "other")
        ]

        def run(verb: Verb, rival: Verb, rows: list[int]) -> list[tuple[int, int]]:
            for process, wanted in zip(processes, (verb, rival), strict=True):
                assert process.stdin is not None
                process.stdin.write(json.dumps({"verb": wanted, "rows": rows, "held": TOKEN}) + "\n")
                process.stdin.flush()
            moved = []
            for process in processes:
                assert process.stdout is not None
                moved.append(json.loads(process.stdout.readline()))
            return list(zip(*moved, strict=True))

        # Both have started, imported and connected before anything is raced for.
        run(Verb.CLAIM, Verb.CLAIM, [])
        yield run


def satisfying(*verbs: Verb) -> dict[str, Any]:
    """Column values with which every guard of these verbs holds."""
    guards = set().union(*(MOVES[verb].guards for verb in verbs))
    # The finding is about attempt 1: then that must be the last one.
    return {"max_attempts": 1 if Guard.ATTEMPTS_SPENT in guards else 3}


def add_rows(catalogue: Catalogue, name: str, state: State, **values: Any) -> list[int]:
    held = {"token": TOKEN, "lease_until": now() - timedelta(seconds=1)}
    with catalogue.write() as connection:
        return [
            add_conversion(connection, add_source(connection, key), key, state, **held, **values)
            for key in (f"{name}/{number}.wav" for number in range(ROWS))
        ]


def rivals() -> list[tuple[Verb, Verb, State]]:
    """Two moves from one state of which neither leaves the row where the other may still be made."""
    found = []
    for one, other in itertools.combinations(Verb, 2):
        guards = MOVES[one].guards | MOVES[other].guards
        exclusive = MOVES[one].target not in MOVES[other].sources and MOVES[other].target not in MOVES[one].sources
        # Taking a claim over changes its token: then the old claim writes nothing.
        taken_over = Verb.RECLAIM in {one, other} and Guard.TOKEN in guards
        if (exclusive or taken_over) and not {Guard.ATTEMPTS_LEFT, Guard.ATTEMPTS_SPENT} <= guards:
            found += [(one, other, state) for state in sorted(MOVES[one].sources & MOVES[other].sources)]
    return found


def test_of_two_processes_that_make_the_same_move_exactly_one_wins(catalogue: Catalogue, race: Race) -> None:
    for verb, step in MOVES.items():
        for state in sorted(step.sources):
            rows = add_rows(catalogue, f"{verb}-{state}", state, **satisfying(verb))
            assert [sum(moved) for moved in race(verb, verb, rows)] == [1] * ROWS, (verb, state)
            with catalogue.read() as connection:
                stand = {one.state for one in fetch(connection, conversion.c.id.in_(rows))}
                kept = connection.scalars(sa.select(attempt.c.conversion_id).where(attempt.c.conversion_id.in_(rows)))
                assert sorted(kept) == (rows if verb in {Verb.RETRY, Verb.REVIVE} else []), (verb, state)
            assert stand == {step.target}, (verb, state)


def test_of_two_processes_whose_moves_exclude_each_other_exactly_one_wins(catalogue: Catalogue, race: Race) -> None:
    pairs = rivals()
    assert {(Verb.CLAIM, Verb.CANCEL), (Verb.COMPLETE, Verb.FAIL), (Verb.RECLAIM, Verb.ACCEPT)} <= {
        (one, other) for one, other, _ in pairs
    }
    for verb, rival, state in pairs:
        rows = add_rows(catalogue, f"{verb}-{rival}-{state}", state, **satisfying(verb, rival))
        moved = race(verb, rival, rows)
        assert [sum(both) for both in moved] == [1] * ROWS, (verb, rival, state)
        with catalogue.read() as connection:
            stand = [one.state for one in fetch(connection, conversion.c.id.in_(rows))]
        assert stand == [MOVES[verb if first else rival].target for first, _ in moved], (verb, rival, state)
