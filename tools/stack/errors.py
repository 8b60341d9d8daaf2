"""The exceptions of the stack runner."""

from __future__ import annotations


class StackError(RuntimeError):
    """The stack can't be started, or something it started failed; the message says what to do."""


class NoAnswer(StackError):
    """Airflow's API server doesn't answer; it may later."""
