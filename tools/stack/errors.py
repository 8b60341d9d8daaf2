"""The one exception of the stack runner."""

from __future__ import annotations


class StackError(RuntimeError):
    """The stack can't be started, or something it started failed; the message says what to do."""
