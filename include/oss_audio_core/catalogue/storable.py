"""What a database can store: texts without NUL and lone surrogates, and JSON without numbers that are none."""

from __future__ import annotations

import json
import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which PostgreSQL refuses in a text, and lone surrogates, which UTF-8 can't encode."""

_UNSTORABLE_ESCAPE = re.compile(r"\\u(?:0000|d[89a-f])")
"""Where JSON may hold one of them: a pair of surrogates looks alike, and so does an escaped backslash before a `u`."""


def storable(text: str) -> str:
    """A text in which characters that a database can't store are replaced."""
    return _UNSTORABLE.sub("�", text)


def is_storable(text: str) -> bool:
    """Whether a database can store a text as it is."""
    return _UNSTORABLE.search(text) is None


def storable_json(value: Any) -> str:
    """A value as JSON that both databases store and read alike.

    Raises:
        ValueError: it holds NaN or an infinity: PostgreSQL refuses both, and SQLite stores what no other reader takes.
    """
    text = json.dumps(value, allow_nan=False)
    return json.dumps(_replaced(value), allow_nan=False) if _UNSTORABLE_ESCAPE.search(text) else text


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_replaced(name): _replaced(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(one) for one in value]
    return value
