"""`Check` and `Verdict`: what was expected, what was measured, and whether the rendition may be published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Outcome = Literal["passed", "failed", "not_checked"]
Decision = Literal["passed", "failed", "undecided"]

ESSENTIAL = frozenset({"codec", "sample_rate", "channels", "duration", "head", "tail"})
"""Checks without which no rendition passes: a measurement without them, such as a probe of aac, decides nothing."""


@dataclass(frozen=True)
class Check:
    """One comparison, as text for reports and the catalogue.

    `verdict` is `not_checked` where the measurements can't decide; `measured` then says why.
    """

    name: str
    expected: str
    measured: str
    verdict: Outcome

    @property
    def passed(self) -> bool:
        """Whether it was checked and is right."""
        return self.verdict == "passed"

    @property
    def failed(self) -> bool:
        """Whether it was checked and is wrong."""
        return self.verdict == "failed"

    def __str__(self) -> str:
        return f"{self.name}: expected {self.expected}, measured {self.measured}"


def check(name: str, expected: str, measured: str, right: bool) -> Check:
    """A comparison that could be made."""
    return Check(name, expected, measured, "passed" if right else "failed")


def not_checked(name: str, expected: str, why: str) -> Check:
    """A comparison that could not be made, and why."""
    return Check(name, expected, why, "not_checked")


@dataclass(frozen=True)
class Verdict:
    """All checks of one rendition, in a fixed order."""

    checks: tuple[Check, ...]

    @property
    def decision(self) -> Decision:
        """`failed` when any check failed; `undecided` when an essential one could not be made; else `passed`.

        Undecided means: a full decode has to decide.
        """
        if self.failures:
            return "failed"
        made = {one.name for one in self.checks if one.verdict != "not_checked"}
        return "passed" if made >= ESSENTIAL else "undecided"

    @property
    def passed(self) -> bool:
        """Whether the rendition may be published."""
        return self.decision == "passed"

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(one for one in self.checks if one.failed)

    @property
    def reason(self) -> str:
        """Every failure in words, empty when there is none."""
        return "; ".join(str(one) for one in self.failures)

    def __getitem__(self, name: str) -> Check:
        return next(one for one in self.checks if one.name == name)

    def to_json(self) -> list[dict[str, Any]]:
        """The checks as the catalogue stores them: name, expected, measured, verdict."""
        return [asdict(one) for one in self.checks]

    @classmethod
    def from_json(cls, stored: Iterable[dict[str, Any]]) -> Verdict:
        """What `to_json` gave."""
        return cls(tuple(Check(**one) for one in stored))
