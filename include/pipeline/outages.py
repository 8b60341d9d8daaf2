"""Noticing, in a step that works on many objects, that nothing gets an answer any more: then the rest can wait."""

from __future__ import annotations

import threading

#: So many objects in a row of which nothing could be found out end the step: each may have cost minutes of waiting.
IN_A_ROW = 16


class Outages:
    """Shared by the threads of one step.

    A step goes on past an object that got no answer, for its neighbours may get one. When OSS is away, thousands of
    them would wait in vain, one time-out after the other, and Airflow's retries would begin hours late.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed = 0
        self.error: Exception | None = None

    def failed(self, error: Exception) -> None:
        """An object's turn ended with an error that is not the object's own."""
        with self._lock:
            self._failed += 1
            self.error = error

    def served(self) -> None:
        """An object got what it needed."""
        with self._lock:
            self._failed = 0

    @property
    def lasts(self) -> bool:
        """Whether the rest is left to the next try of the step."""
        return self._failed >= IN_A_ROW
