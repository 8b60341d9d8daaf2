"""The plan of injections: the same for the same seed, and every target is in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tools.chaos.injections import MAIN_TARGETS, PAUSE, SHORTEST_STOP, SIDE_TARGETS, InjectionKind, plan_injections

SEEDS = st.integers(0, 2**31)
DOZEN = len(MAIN_TARGETS) + len(SIDE_TARGETS[0])
LONGEST = 40.0


@given(SEEDS)
def test_a_seed_gives_the_same_plan_again(seed: int) -> None:
    assert plan_injections(30, seed, LONGEST) == plan_injections(30, seed, LONGEST)


@given(SEEDS)
def test_a_dozen_has_every_main_target_and_two_dozens_every_side_target(seed: int) -> None:
    targets = [injection.target for injection in plan_injections(2 * DOZEN, seed, LONGEST)]
    assert len(targets) == 24
    assert set(MAIN_TARGETS) <= set(targets[:DOZEN])
    assert set(targets) == {*MAIN_TARGETS, *(name for names in SIDE_TARGETS for name in names)}


@given(SEEDS)
def test_times_stay_within_their_bounds(seed: int) -> None:
    for injection in plan_injections(DOZEN, seed, LONGEST):
        assert PAUSE[0] <= injection.pause <= PAUSE[1]
        assert SHORTEST_STOP <= injection.seconds <= LONGEST + 1e-6
        assert 0 <= injection.which < 1


def test_three_hundred_injections_have_every_kind() -> None:
    assert {injection.kind for injection in plan_injections(300, 1, LONGEST)} == set(InjectionKind)
