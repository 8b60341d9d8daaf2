"""The same seed and the same order of requests give the same faults; interleaving changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import oss2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_local_cloud.fault_injection.durations import (
    Exponential,
    Normal,
    Pareto,
    Uniform,
)
from oss_local_cloud.fault_injection.rules import Error
from oss_local_cloud.fault_injection.seeded_random import SeededRandom

KEYS = [f"k{number}" for number in range(40)]
DISTRIBUTIONS = st.one_of(
    st.floats(0, 1000),
    st.builds(Uniform, low=st.floats(0, 10), high=st.floats(10, 100)),
    st.builds(Normal, mean=st.floats(0, 100), deviation=st.floats(0.01, 100), most=st.floats(0.01, 50)),
    st.builds(Exponential, mean=st.floats(0.001, 100), most=st.floats(0.01, 50)),
    st.builds(Pareto, least=st.floats(0.001, 10), shape=st.floats(0.1, 10), most=st.floats(0.01, 50)),
)


def refused(clients: Any, key: str) -> bool:
    try:
        clients.put(key)
    except oss2.exceptions.ServerError:
        return True
    return False


def test_the_same_seed_gives_the_same_faults(clients: Any):
    clients.admin.add(Error(service="oss", status=503, rate=0.4))
    patterns = []
    for seed in (7, 7, 8):
        clients.admin.set_seed(seed)
        patterns.append([refused(clients, key) for key in KEYS])
    assert patterns[0] == patterns[1] != patterns[2]
    assert 0 < sum(patterns[0]) < len(KEYS)
    assert clients.admin.state().seed == 8


def test_concurrent_requests_meet_the_faults_they_would_meet_one_by_one(clients: Any):
    clients.admin.add(Error(service="oss", status=503, rate=0.4))
    clients.admin.set_seed(7)
    one_by_one = {key for key in KEYS if refused(clients, key)}
    clients.admin.set_seed(7)
    shuffled = Random(1).sample(KEYS, len(KEYS))
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda key: refused(clients, key), shuffled))
    assert {key for key, was_refused in zip(shuffled, outcomes, strict=True) if was_refused} == one_by_one


def test_a_retry_is_a_new_draw(clients: Any):
    clients.admin.add(Error(service="oss", status=503, rate=0.5))
    outcomes = [refused(clients, "one key") for _ in range(40)]
    assert 0 < sum(outcomes) < 40


@given(st.integers(0, 2**63 - 1), st.lists(st.text(max_size=5), max_size=30), st.randoms(use_true_random=False))
def test_draws_depend_on_the_identity_and_its_own_count_only(seed: int, identities: list[str], order: Random):
    def drawn(sequence: list[str]) -> dict[str, list[float]]:
        random, found = SeededRandom(seed, 1), dict[str, list[float]]()
        for identity in sequence:
            found.setdefault(identity, []).append(random.draw("r1", identity).random())
        return found

    assert drawn(identities) == drawn(order.sample(identities, len(identities)))


@pytest.mark.parametrize(("other_seed", "other_start", "other_rule"), [(2, 1, "r"), (1, 2, "r"), (1, 1, "s")])
def test_seed_start_and_rule_each_change_the_draws(other_seed: int, other_start: int, other_rule: str):
    ours, theirs = SeededRandom(1, 1), SeededRandom(other_seed, other_start)
    assert [ours.draw("r", "x").random() for _ in range(4)] != [theirs.draw(other_rule, "x").random() for _ in "1234"]
