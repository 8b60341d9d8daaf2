"""Reading the parameters of an IMM call, and the error that refuses them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from oss_local_cloud.imm.ids import TASK_TYPE

_LARGEST_PAGE = 100


class ImmApiError(Exception):
    """A call the API refuses: the HTTP `status`, the error `code` and the `message`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def required(parameters: Mapping[str, str], name: str) -> str:
    """A parameter that must be there; raises ImmApiError."""
    value = parameters.get(name)
    if not value:
        raise ImmApiError(400, f"Missing{name}", f"{name} is mandatory for this action.")
    return value


def invalid(name: str, allowed: str) -> ImmApiError:
    """400 InvalidArgument, naming the parameter and what is allowed."""
    return ImmApiError(400, "InvalidArgument", f"The specified parameter {name} is not valid: {allowed}.")


def one_of(name: str, parameters: Mapping[str, str], allowed: tuple[str, ...], default: str = "") -> str:
    """A parameter with a closed set of values; raises ImmApiError."""
    value = parameters.get(name) or default
    if value not in allowed:
        raise invalid(name, f"one of {', '.join(allowed)}")
    return value


def page_size(text: str | None) -> int:
    """`MaxResults`; raises ImmApiError."""
    if text is None:
        return _LARGEST_PAGE
    # By its length first: Python refuses to read thousands of digits.
    if not re.fullmatch("[0-9]{1,4}", text) or not 0 < int(text) <= _LARGEST_PAGE:
        raise invalid("MaxResults", f"1 to {_LARGEST_PAGE}")
    return int(text)


def _json(name: str, parameters: Mapping[str, str]) -> Any:
    """The SDK sends lists and ranges as JSON; None when the parameter is not there."""
    try:
        return json.loads(parameters[name]) if parameters.get(name) else None
    except (ValueError, RecursionError):
        raise invalid(name, "JSON") from None


def task_types(parameters: Mapping[str, str]) -> list[str]:
    """`TaskTypes`, all there are when it is absent; raises ImmApiError."""
    found = _json("TaskTypes", parameters)
    if found is None:
        return [TASK_TYPE]
    if not isinstance(found, list):
        raise invalid("TaskTypes", "a list of task types")
    return [str(one) for one in found]


def time_range(name: str, parameters: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Start and end of a range in milliseconds since the epoch."""
    found = _json(name, parameters)
    if found is None:
        return None, None
    if not isinstance(found, dict):
        raise invalid(name, '{"Start": …, "End": …}')
    start, end = (_milliseconds(name, found.get(edge)) for edge in ("Start", "End"))
    return start, end


def _milliseconds(name: str, text: object) -> int | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise invalid(name, "times as in 2024-08-20T07:03:07.36Z") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return int(found.timestamp() * 1000)


def token_of(number: int) -> str:
    """`NextToken` for going on after a number."""
    return base64.urlsafe_b64encode(str(number).encode()).decode()


def number_of(token: str) -> int:
    """The number in a `NextToken`, 0 without one; raises ImmApiError."""
    try:
        number = int(base64.urlsafe_b64decode(token)) if token else 0
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 63:
        raise invalid("NextToken", "the one of the page before")
    return number
