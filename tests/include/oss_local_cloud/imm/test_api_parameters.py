"""Parameters of IMM calls are read as the SDK sends them, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from oss_local_cloud.imm import api_parameters
from oss_local_cloud.imm.api_parameters import ImmApiError


def test_parameters_are_read() -> None:
    assert api_parameters.required({"A": "x"}, "A") == "x"
    assert api_parameters.one_of("Sort", {}, ("a", "b"), "a") == "a"
    assert (api_parameters.page_size(None), api_parameters.page_size("7")) == (100, 7)
    assert api_parameters.task_types({}) == ["MediaConvert"]
    assert api_parameters.task_types({"TaskTypes": '["A"]'}) == ["A"]
    times = {"T": '{"Start": "1970-01-01T00:00:01Z", "End": "1970-01-01T00:00:02.5"}'}
    assert api_parameters.time_range("T", times) == (1000, 2500)
    assert api_parameters.time_range("T", {}) == (None, None)


@pytest.mark.parametrize("number", [1, 99, 2**62])
def test_a_token_is_read_back(number: int) -> None:
    assert api_parameters.number_of(api_parameters.token_of(number)) == number
    assert api_parameters.number_of("") == 0


@pytest.mark.parametrize(
    ("read", "code"),
    [
        (lambda: api_parameters.required({}, "ProjectName"), "MissingProjectName"),
        (lambda: api_parameters.one_of("Sort", {"Sort": "c"}, ("a", "b")), "InvalidArgument"),
        (lambda: api_parameters.page_size("0"), "InvalidArgument"),
        (lambda: api_parameters.page_size("101"), "InvalidArgument"),
        (lambda: api_parameters.page_size("many"), "InvalidArgument"),
        (lambda: api_parameters.page_size("9" * 5000), "InvalidArgument"),
        (lambda: api_parameters.page_size("1\n"), "InvalidArgument"),
        (lambda: api_parameters.task_types({"TaskTypes": "[" * 100_000}), "InvalidArgument"),
        (lambda: api_parameters.task_types({"TaskTypes": "9" * 5000}), "InvalidArgument"),
        (lambda: api_parameters.task_types({"TaskTypes": "{"}), "InvalidArgument"),
        (lambda: api_parameters.task_types({"TaskTypes": "{}"}), "InvalidArgument"),
        (lambda: api_parameters.time_range("T", {"T": "[1]"}), "InvalidArgument"),
        (lambda: api_parameters.time_range("T", {"T": '{"Start": "noon"}'}), "InvalidArgument"),
        (lambda: api_parameters.number_of("%"), "InvalidArgument"),
        (lambda: api_parameters.number_of(api_parameters.token_of(-1)), "InvalidArgument"),
    ],
)
def test_an_invalid_parameter_is_refused_by_name(read: Callable[[], Any], code: str) -> None:
    with pytest.raises(ImmApiError) as refused:
        read()
    assert (refused.value.status, refused.value.code) == (400, code)
