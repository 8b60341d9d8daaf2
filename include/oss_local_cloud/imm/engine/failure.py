"""Why a conversion failed, as the task and its notification report it."""

from __future__ import annotations


class ConversionFailed(Exception):
    """A conversion that ended without a rendition: IMM's `Code`, and one readable line as `Message`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def unreadable(reason: str) -> ConversionFailed:
    """The source is not audio this service reads, or is damaged beyond use."""
    return ConversionFailed("InvalidMedia", reason)


def incomplete(reason: str) -> ConversionFailed:
    """The source ends before the length it declares."""
    return ConversionFailed("IncompleteMedia", reason)


def not_fitting(reason: str) -> ConversionFailed:
    """The parameters and this source don't go together."""
    return ConversionFailed("InvalidArgument", reason)


def over_limit(reason: str) -> ConversionFailed:
    """The conversion would need more time, memory or space than one is given."""
    return ConversionFailed("LimitExceeded", reason)


def internal(reason: str) -> ConversionFailed:
    """The engine itself failed; neither the source nor the parameters are to blame as far as it knows."""
    return ConversionFailed("InternalError", reason)


def without_reason(program: str, status: int) -> ConversionFailed:
    """A program failed and wrote no reason, as it does of a bad source. On a full disk a reason can't be written."""
    return internal(f"{program} ended with status {status} and no reason: is the local cloud's disk full?")
