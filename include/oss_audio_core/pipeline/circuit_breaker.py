"""Ending a step over many objects early when the service is away: its remaining objects would all time out."""

from __future__ import annotations

import threading

from oss_audio_core.oss.error_classification import is_credential_error, is_transient

THRESHOLD = 16
"""Failed objects in a row that open the circuit; each may have cost minutes of waiting."""


class CircuitBreaker:
    """Counts the objects in a row that got no answer. The threads of one step share it.

    A step goes on past an object without an answer, for the next one may get one. When OSS is away, thousands of
    objects would time out one after the other, and Airflow's retries would begin hours late.

    Attributes:
        error: the latest failure; None as long as there is none.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self.error: Exception | None = None

    def record_failure(self, error: Exception) -> None:
        """Record an error that is not the object's own.

        Only errors that the next object would meet as well count towards the threshold. A missing permission, or audio
        that raises an unforeseen error, may be common to a folder: if it opened the circuit, every try would end there.
        """
        with self._lock:
            self._failures += is_transient(error) or is_credential_error(error)
            self.error = error

    def record_success(self) -> None:
        """Record an object that was served: the count starts again."""
        with self._lock:
            self._failures = 0

    @property
    def is_open(self) -> bool:
        """Whether the remaining objects are left to the next try of the step."""
        return self._failures >= THRESHOLD
