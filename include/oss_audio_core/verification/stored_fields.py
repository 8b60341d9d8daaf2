"""Reading a dataclass from stored JSON: the stored form outlives the code that wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any


def known_fields(cls: type, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The stored values of a dataclass's own fields, by name.

    Fields of a later version are passed over. A field that an earlier version didn't store is left out, so the class
    must give it a default.
    """
    return {field.name: stored[field.name] for field in fields(cls) if field.name in stored}


def stored_form(measured: Any) -> dict[str, Any]:
    """A dataclass as it is stored: a measure that a later version added is left out where it was not taken."""
    absent = {
        field.name for field in fields(measured) if field.default is None and getattr(measured, field.name) is None
    }
    return {name: value for name, value in asdict(measured).items() if name not in absent}
