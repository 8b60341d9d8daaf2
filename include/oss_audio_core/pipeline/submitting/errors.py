"""What ends a submit early, besides the errors of the settings and of the catalogue."""

from __future__ import annotations


class NoAnswer(RuntimeError):
    """OSS or IMM gave no usable answer; the message says to what. Nothing was decided, a later try may succeed."""
