"""The plan of the chaos harness: the same for the same seed, and nobody is left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tools.chaos.injections import DECK, PAUSE, SIDE, STANDSTILL, Manner, plan_hits

SEEDS = st.integers(0, 2**31)
DOZEN = len(DECK) + len(SIDE[0])
LONGEST = 40.0


@given(SEEDS)
def test_a_seed_gives_the_same_hits_again(seed: int) -> None:
    assert plan_hits(30, seed, LONGEST) == plan_hits(30, seed, LONGEST)


@given(SEEDS)
def test_a_dozen_hits_every_victim_and_two_dozens_those_beside(seed: int) -> None:
    victims = [hit.victim for hit in plan_hits(2 * DOZEN, seed, LONGEST)]
    assert len(victims) == 24
    assert set(DECK) <= set(victims[:DOZEN])
    assert set(victims) == {*DECK, *(name for beside in SIDE for name in beside)}


@given(SEEDS)
def test_times_stay_within_their_bounds(seed: int) -> None:
    for hit in plan_hits(DOZEN, seed, LONGEST):
        assert PAUSE[0] <= hit.pause <= PAUSE[1]
        assert STANDSTILL <= hit.seconds <= LONGEST + 1e-6
        assert 0 <= hit.which < 1


def test_three_hundred_hits_come_in_every_manner() -> None:
    assert {hit.manner for hit in plan_hits(300, 1, LONGEST)} == set(Manner)
