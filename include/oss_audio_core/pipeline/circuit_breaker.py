"""Noticing, in a step that works on many objects, that nothing gets an answer any more: then the rest can wait."""

from __future__ import annotations

import threading

from oss_audio_core.oss.error_classification import is_credential_error, is_outage

IN_A_ROW = 16
"""So many objects in a row that got no answer end the step: each may have cost minutes of waiting."""


class CircuitBreaker:
    """Shared by the threads of one step.

    A step goes on past an object that got no answer, for its neighbours may get one. When OSS is away, thousands of
    them would wait in vain, one time-out after the other, and Airflow's retries would begin hours late.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed = 0
        self.error: Exception | None = None

    def failed(self, error: Exception) -> None:
        """An object's turn ended with an error that is not the object's own.

        Only one that the next object would meet as well counts against the rest. A missing permission, or audio that
        nobody thought of, may be common to a folder of them: if that ended the step, its every try would end there.
        """
        with self._lock:
            self._failed += is_outage(error) or is_credential_error(error)
            self.error = error

    def served(self) -> None:
        """An object got what it needed."""
        with self._lock:
            self._failed = 0

    @property
    def lasts(self) -> bool:
        """Whether the rest is left to the next try of the step."""
        return self._failed >= IN_A_ROW
