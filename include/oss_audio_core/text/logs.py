"""Loggers whose lines are lines: keys and messages in them are escaped, at no call of theirs."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from oss_audio_core.text.escaping import for_log


def get_logger(name: str) -> logging.LoggerAdapter[logging.Logger]:
    """The logger of a module. Its messages are literals of the code, and all that is filled in is escaped."""
    return _EscapingAdapter(logging.getLogger(name))


class _EscapingAdapter(logging.LoggerAdapter[logging.Logger]):
    """Escapes the texts and exceptions that are filled in; numbers keep their format."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        if self.isEnabledFor(level):
            kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
            super().log(level, msg, *map(_escaped, args), **kwargs)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs


def _escaped(value: object) -> object:
    return value if isinstance(value, int | float) else for_log(str(value))
