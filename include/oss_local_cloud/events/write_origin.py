"""The call behind an object that is being stored, for the event about it.

A call's operation, request id and address are known where HTTP is, the object is written several layers
below. The call is set for the current context once, and whatever stores an object finds it there, so a new
operation has its events without knowing of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

_SERVICE_ADDRESS = "127.0.0.1"


@dataclass
class WriteOrigin:
    """A call that may write objects. `due` gets the numbers of the events its writes made due.

    `publishes_itself` says that the caller publishes them itself, because its response reports the result.
    """

    operation: str
    request_id: str = field(default_factory=lambda: secrets.token_hex(12).upper())
    source_address: str = _SERVICE_ADDRESS
    publishes_itself: bool = False
    due: list[int] = field(default_factory=list)


_current: ContextVar[WriteOrigin | None] = ContextVar("origin of a write", default=None)


def current_origin() -> WriteOrigin:
    """The call that is being answered; outside of one, the conversion service, which puts objects too."""
    return _current.get() or WriteOrigin("PutObject")


@contextmanager
def as_current(origin: WriteOrigin) -> Iterator[None]:
    """Make `origin` the current one."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)
