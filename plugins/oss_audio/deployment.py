"""The settings of this deployment: OSS_AUDIO_ variables of the environment, of which each name is known."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import TypeVar

_Number = TypeVar("_Number", int, float)

PREFIX = "OSS_AUDIO_"

NAMES = frozenset(
    {
        "BUCKET",
        "CATALOGUE_PREFIX",
        "EMPTY_LISTING",
        "EXCLUDE",
        "FAILURE_THRESHOLD",
        "MANIFESTS",
        "MAX_IN_FLIGHT",
        "MAX_PER_SECOND",
        "PREFIX",
        "PRICES",
        "PROFILES",
        "PROFILE_FOLDER",
        "QUEUE",
        "REPORTS",
        "SCHEDULE",
        "SHARD_MINUTES",
        "SHARD_SIZE",
        "STAGING_PREFIX",
        "TARGET_BUCKET",
        "TIMEZONE",
        "TOPIC",
    }
)
"""Every name there is, without the prefix; docs/configuration.md says what each means."""

_MARKER = "STACK"
"""Marks the processes of a stack that tools/stack began; it sets nothing."""


_OUTER_COMMA = re.compile(r",(?![^{}]*\})")
"""A comma that isn't within the braces of a pattern."""


class UnknownSetting(ValueError):
    """A variable that looks like a setting and is none: what it was to set would silently keep its default."""


def refuse_unknown(environment: Mapping[str, str] | None = None) -> None:
    """Refuse a variable that begins like a setting and is none, and name the closest one there is.

    Raises:
        UnknownSetting: a DAG file that calls this is shown with the sentence as its import error.
    """
    given = os.environ if environment is None else environment
    for name in sorted(given):
        rest = name.removeprefix(PREFIX)
        if not name.startswith(PREFIX) or rest in NAMES or rest == _MARKER:
            continue
        near = get_close_matches(rest.upper(), sorted(NAMES), n=1)
        known = ", ".join(f"{PREFIX}{one}" for one in sorted(NAMES))
        meant = f"did you mean {PREFIX}{near[0]}?" if near else f"there are {known}"
        raise UnknownSetting(f"there is no setting {name}: {meant}")


def setting(name: str, default: str = "") -> str:
    """A setting's text; the default when it isn't set, or empty."""
    return _given(name) or default


def setting_or_empty(name: str, default: str) -> str:
    """A setting's text, also when it is set and empty."""
    given = _given(name)
    return default if given is None else given


def is_set(name: str) -> bool:
    """Whether a setting is set, if only to nothing."""
    return _given(name) is not None


def several(name: str, default: str = "") -> list[str]:
    """A setting of texts with commas between them, except within braces; blanks around them are dropped."""
    return [text.strip() for text in _OUTER_COMMA.split(setting(name, default)) if text.strip()]


def switch(name: str) -> bool:
    """A setting that is on or off, and off when it isn't set."""
    text = setting(name, "off")
    if text.lower() not in {"on", "off"}:
        raise ValueError(f"{PREFIX}{name} must be on or off, or not set")
    return text.lower() == "on"


def choice(name: str, *choices: str) -> str:
    """A setting that is one of several words; the first of them when it isn't set."""
    text = setting(name, choices[0])
    if text not in choices:
        raise ValueError(f"{PREFIX}{name} must be {' or '.join(choices)}, or not set")
    return text


def percent(name: str, default: float) -> float:
    """A setting that is a number from 0 to 100."""
    text = setting(name)
    try:
        given = float(text) if text else default
    except ValueError:
        given = -1.0
    if not 0 <= given <= 100:
        raise ValueError(f"{PREFIX}{name} must be a number from 0 to 100, or not set")
    return given


def number(name: str, kind: Callable[[str], _Number]) -> _Number | None:
    """A setting that is a number above 0, or none."""
    text = setting(name)
    if not text:
        return None
    try:
        given = kind(text)
    except ValueError:
        given = None
    if given is None or not given > 0:
        raise ValueError(f"{PREFIX}{name} must be a number above 0, or empty for no limit")
    return given


def _given(name: str) -> str | None:
    if name not in NAMES:
        raise KeyError(name)
    return os.environ.get(f"{PREFIX}{name}")
