"""What templates render becomes values, or a refusal that names the argument and what to give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from hypothesis import given
from hypothesis import strategies as st

from oss_audio.values import as_batch, as_flag, as_names, as_number, as_percent, as_shard, as_text, as_texts


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (as_names, None, ()),
        (as_names, "", ()),
        (as_names, " a b , ,c/* ", ("a b", "c/*")),
        (as_names, ["a,b", " c "], ("a,b", "c")),
        (as_names, ("曲/",), ("曲/",)),
        (as_names, "a,b,a", ("a", "b")),
        (as_texts, None, ()),
        (as_texts, "", ()),
        (as_texts, "Artist, The/ ", ("Artist, The/ ",)),
        (as_texts, ["a,b", " c ", "", "a,b"], ("a,b", " c ")),
        (as_texts, '["a,b", "\\u66f2"]', ("a,b", "曲")),
        (as_texts, "[ab]*.wav", ("[ab]*.wav",)),
        (as_texts, "[]", ()),
        (as_texts, "[1]", ("[1]",)),
        (as_number, None, None),
        (as_number, "", None),
        (as_number, " None ", None),
        (as_number, " 12 ", 12),
        (as_number, "-3", -3),
        (as_number, 7, 7),
        (as_number, 7.0, 7),
        (as_percent, "12.5", 12.5),
        (as_percent, 0, 0.0),
        (as_percent, 100, 100.0),
        (as_flag, True, True),
        (as_flag, " True ", True),
        (as_flag, "1", True),
        (as_flag, "false", False),
        (as_flag, "0", False),
        (as_flag, "", False),
        (as_flag, None, False),
    ],
)
def test_what_is_understood(read: Callable[[str, Any], Any], value: Any, expected: Any) -> None:
    found = read("it", value)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("read", "value", "remedy"),
    [
        (as_names, 1, "a list of texts, or one text with commas"),
        (as_names, ["a", 1], "a list of texts, or one text with commas"),
        (as_texts, 1, "a text or a list of texts"),
        (as_texts, ["a", 1], "a text or a list of texts"),
        (as_names, b"a", "a list of texts, or one text with commas"),
        (as_number, "1.5", "a whole number"),
        (as_number, 1.5, "a whole number"),
        (as_number, float("inf"), "a whole number"),
        (as_number, float("nan"), "a whole number"),
        (as_number, True, "a whole number"),
        (as_number, [], "a whole number"),
        (as_percent, "100.1", "a number from 0 to 100"),
        (as_percent, "nan", "a number from 0 to 100"),
        (as_percent, None, "a number from 0 to 100"),
        (as_flag, "yes", "true or false"),
        (as_flag, 2, "true or false"),
    ],
)
def test_what_is_refused(read: Callable[[str, Any], Any], value: Any, remedy: str) -> None:
    with pytest.raises(AirflowFailException) as caught:
        read("it", value)
    assert str(caught.value) == f"it is {value!r}: give {remedy}"


@given(st.lists(st.text(st.characters(exclude_characters=",", exclude_categories=["Z", "Cc", "Cs"]), min_size=1)))
def test_a_list_and_its_text_mean_the_same(names: list[str]) -> None:
    assert as_names("it", names) == as_names("it", ",".join(names)) == tuple(dict.fromkeys(names))


@pytest.mark.parametrize(("value", "expected"), [(None, None), ("", None), ("None", None), ("a", "a"), (5, "5")])
def test_text(value: Any, expected: str | None) -> None:
    assert as_text(value) == expected


def test_handles_of_batch_and_shard() -> None:
    assert as_shard({"batch": "3", "uid": "u", "shard": 4, "more": 1}) == {"batch": 3, "uid": "u", "shard": 4}
    assert as_batch({"batch": 3, "listed": 9}) == as_batch(3) == as_batch("3") == (3, None)
    assert as_batch({"batch": 3, "uid": "u", "listed": 9}) == (3, "u")
