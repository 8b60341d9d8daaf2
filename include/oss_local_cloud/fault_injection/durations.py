"""Durations of faults: a fixed number of seconds, or a distribution."""

from __future__ import annotations

from random import Random
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

LONGEST_SECONDS = 86_400.0
"""No sampled time is longer, whatever the distribution says."""

_Positive = Annotated[float, Field(gt=0, le=LONGEST_SECONDS, allow_inf_nan=False)]
_NotNegative = Annotated[float, Field(ge=0, le=LONGEST_SECONDS, allow_inf_nan=False)]


class _Distribution(BaseModel):
    """`most` cuts the tail; no sample is below 0."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    most: _Positive = LONGEST_SECONDS


class Uniform(_Distribution):
    """Any time from `low` to `high` seconds is equally likely."""

    distribution: Literal["uniform"] = "uniform"
    low: _NotNegative = 0.0
    high: _Positive

    @model_validator(mode="after")
    def _in_order(self) -> Uniform:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) must not be above high ({self.high})")
        return self


class Normal(_Distribution):
    """Mean and standard deviation in seconds."""

    distribution: Literal["normal"] = "normal"
    mean: _NotNegative
    deviation: _Positive


class Exponential(_Distribution):
    """Mean in seconds."""

    distribution: Literal["exponential"] = "exponential"
    mean: _Positive


class Pareto(_Distribution):
    """A long tail: `least` seconds at least; the smaller `shape`, the longer the tail."""

    distribution: Literal["pareto"] = "pareto"
    least: _Positive
    shape: Annotated[float, Field(gt=0, le=100)]


def _kind(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "fixed"
    if isinstance(value, dict):
        return str(value.get("distribution"))
    return getattr(value, "distribution", None)


Seconds = Annotated[
    Annotated[_NotNegative, Tag("fixed")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[Normal, Tag("normal")]
    | Annotated[Exponential, Tag("exponential")]
    | Annotated[Pareto, Tag("pareto")],
    Discriminator(
        _kind,
        custom_error_type="seconds",
        custom_error_message="a number of seconds is needed, or an object whose distribution is one of uniform, normal,"
        " exponential, pareto",
    ),
]
"""A fixed number of seconds or a distribution."""


def sample(seconds: Seconds, random: Random) -> float:
    """Draw a time in seconds, 0 or more."""
    match seconds:
        case Uniform():
            drawn = random.uniform(seconds.low, seconds.high)
        case Normal():
            drawn = random.gauss(seconds.mean, seconds.deviation)
        case Exponential():
            drawn = random.expovariate(1 / seconds.mean)
        case Pareto():
            drawn = seconds.least * random.paretovariate(seconds.shape)
        case _:
            return float(seconds)
    return min(max(drawn, 0.0), seconds.most)
