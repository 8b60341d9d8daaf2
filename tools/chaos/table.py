"""The table at the end: on how many conversions in which state the hits fell."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from oss_audio_core.catalogue import ACTIVE, State

SHOWN = (*(state for state in State if state in ACTIVE), State.PUBLISHED, State.FAILED)
"""Columns. A chaos run leads into no other state."""


class HitTable:
    """Which conversions were standing at each hit."""

    def __init__(self) -> None:
        self._found: defaultdict[str, list[Counter[State] | None]] = defaultdict(list)

    def add(self, victim: str, states: Counter[State] | None) -> None:
        """Enter a hit; None when the database didn't tell what stood where."""
        self._found[victim].append(states)

    def rarest(self) -> State:
        """The state with work left that the fewest hits have found."""
        hits = {state: _hits(self._all(), state) for state in SHOWN if state in ACTIVE}
        return min(hits, key=lambda state: hits[state])

    def never_hit(self) -> list[State]:
        """States with work left that no hit has found."""
        return [state for state in SHOWN if state in ACTIVE and not _hits(self._all(), state)]

    def lines(self) -> list[str]:
        """The table: `hits (conversions)` for each victim and state."""
        rows = [["", "hits", *(state.value for state in SHOWN), "unknown"]]
        rows += [_row(victim, found) for victim, found in sorted(self._found.items())]
        rows.append(_row("all", self._all()))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return [
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            )
            for row in rows
        ]

    def _all(self) -> list[Counter[State] | None]:
        return [states for found in self._found.values() for states in found]


def _row(name: str, found: Sequence[Counter[State] | None]) -> list[str]:
    cells = [
        f"{_hits(found, state)} ({sum(states[state] for states in found if states is not None)})" for state in SHOWN
    ]
    return [name, str(len(found)), *cells, str(sum(states is None for states in found))]


def _hits(found: Iterable[Counter[State] | None], state: State) -> int:
    return sum(bool(states[state]) for states in found if states is not None)
