"""Sampled durations stay within their bounds and have the mean that is asked for."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_local_cloud.fault_injection.durations import (
    Exponential,
    Normal,
    Pareto,
    Seconds,
    Uniform,
    sample,
)

KEYS = [f"k{number}" for number in range(40)]
DISTRIBUTIONS = st.one_of(
    st.floats(0, 1000),
    st.builds(Uniform, low=st.floats(0, 10), high=st.floats(10, 100)),
    st.builds(Normal, mean=st.floats(0, 100), deviation=st.floats(0.01, 100), most=st.floats(0.01, 50)),
    st.builds(Exponential, mean=st.floats(0.001, 100), most=st.floats(0.01, 50)),
    st.builds(Pareto, least=st.floats(0.001, 10), shape=st.floats(0.1, 10), most=st.floats(0.01, 50)),
)


@given(DISTRIBUTIONS, st.integers())
def test_samples_lie_between_zero_and_the_maximum(seconds: Seconds, seed: int):
    drawn = sample(seconds, Random(seed))
    assert drawn == sample(seconds, Random(seed))
    if isinstance(seconds, int | float):
        assert drawn == seconds
    else:
        assert 0 <= drawn <= seconds.most
    if isinstance(seconds, Uniform):
        assert seconds.low <= drawn <= seconds.high


@pytest.mark.parametrize(
    ("seconds", "mean"),
    [
        (Uniform(low=1.0, high=3.0), 2.0),
        (Normal(mean=5.0, deviation=0.5), 5.0),
        (Exponential(mean=2.0), 2.0),
        (Pareto(least=1.0, shape=3.0), 1.5),
    ],
)
def test_samples_have_the_mean_of_their_distribution(seconds: Seconds, mean: float):
    random = Random(1)
    drawn = [sample(seconds, random) for _ in range(20_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(mean, rel=0.03)
