"""The table at the end of a run: how many conversions in which state the injections met."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from oss_audio_core.catalogue import ACTIVE, State

COLUMNS = (*(state for state in State if state in ACTIVE), State.PUBLISHED, State.FAILED)
"""A chaos run leads into no other state."""


class CoverageTable:
    """The counts of conversions by state at each injection."""

    def __init__(self) -> None:
        self._by_target: defaultdict[str, list[Counter[State] | None]] = defaultdict(list)

    def add(self, target: str, states: Counter[State] | None) -> None:
        """Enter an injection; `states` is None when the database didn't answer."""
        self._by_target[target].append(states)

    def least_covered(self) -> State:
        """The state with work left that the fewest injections have met."""
        counts = {state: _count(self._all(), state) for state in COLUMNS if state in ACTIVE}
        return min(counts, key=lambda state: counts[state])

    def uncovered(self) -> list[State]:
        """States with work left that no injection has met."""
        return [state for state in COLUMNS if state in ACTIVE and not _count(self._all(), state)]

    def lines(self) -> list[str]:
        """The table: `injections (conversions)` for each target and state."""
        rows = [["", "injections", *(state.value for state in COLUMNS), "unknown"]]
        rows += [_row(target, found) for target, found in sorted(self._by_target.items())]
        rows.append(_row("all", self._all()))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return [
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            )
            for row in rows
        ]

    def _all(self) -> list[Counter[State] | None]:
        return [states for found in self._by_target.values() for states in found]


def _row(name: str, found: Sequence[Counter[State] | None]) -> list[str]:
    cells = [
        f"{_count(found, state)} ({sum(states[state] for states in found if states is not None)})" for state in COLUMNS
    ]
    return [name, str(len(found)), *cells, str(sum(states is None for states in found))]


def _count(found: Iterable[Counter[State] | None], state: State) -> int:
    return sum(bool(states[state]) for states in found if states is not None)
