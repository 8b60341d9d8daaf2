"""How long a rendition may be: each credible length of its source, with the format's tolerance."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ExpectedLength:
    """One length in seconds.

    Attributes:
        origin: where the source's length comes from, in words.
        duration: of the rendition.
        shorter_by: how much shorter it may be.
        longer_by: how much longer it may be.
    """

    origin: str
    duration: float
    shorter_by: float
    longer_by: float

    def holds(self, seconds: float) -> bool:
        """Whether `seconds` are within the tolerance."""
        return -self.shorter_by <= seconds - self.duration <= self.longer_by

    def __str__(self) -> str:
        return f"{self.duration:.3f} s (-{self.shorter_by * 1000:.0f} to +{self.longer_by * 1000:.0f} ms)"


@dataclass(frozen=True)
class ExpectedLengths:
    """All lengths that a rendition may have, the likeliest first; there is at least one."""

    every: tuple[ExpectedLength, ...]

    @property
    def likeliest(self) -> float:
        """Seconds without a tolerance."""
        return self.every[0].duration

    @property
    def shortest(self) -> float:
        """Seconds without a tolerance."""
        return min(length.duration for length in self.every)

    @property
    def longest(self) -> float:
        """Seconds a right rendition may last at most."""
        return max(length.duration + length.longer_by for length in self.every)

    def widened(self, *, shorter_by: float = 0.0, longer_by: float = 0.0) -> ExpectedLengths:
        """The same with so many seconds more of tolerance."""
        return ExpectedLengths(
            tuple(
                replace(one, shorter_by=one.shorter_by + shorter_by, longer_by=one.longer_by + longer_by)
                for one in self.every
            )
        )

    def hold(self, seconds: float) -> bool:
        """Whether `seconds` are one of them."""
        return any(length.holds(seconds) for length in self.every)

    def described(self, seconds: float) -> str:
        """`seconds` in words, and which of several lengths it is."""
        held = next((length for length in self.every if length.holds(seconds)), None)
        said = f"{seconds:.3f} s"
        return said if held is None or len(self.every) == 1 else f"{said}, that of the source's {held.origin}"

    def __str__(self) -> str:
        if len(self.every) == 1:
            return str(self.every[0])
        return " or ".join(f"{length} by the source's {length.origin}" for length in self.every)
