"""What a database can store: texts and JSON come back as they were, and what can't be stored is replaced or refused."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.catalogue.storable import is_storable, storable, storable_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_nul_and_half_pairs_are_replaced_and_nothing_else() -> None:
    assert storable("a\x00b\ud800c") == "a�b�c"
    assert storable("歌 😀 \x1b \u202e") == "歌 😀 \x1b \u202e"
    assert is_storable("歌 😀")
    assert not is_storable("\udc80")


@given(VALUES)
def test_json_of_storable_texts_comes_back_as_it_was(value: object) -> None:
    stored = storable_json(value)
    assert "\x00" not in stored
    if is_storable(json.dumps(value, ensure_ascii=False).replace("\\u0000", "\x00")):
        assert json.loads(stored) == value


def test_json_has_no_nul_and_no_half_pair_in_names_or_texts() -> None:
    assert json.loads(storable_json({"a\x00": ["\ud83d", "\\u0000", "😀"]})) == {"a�": ["�", "\\u0000", "😀"]}


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_numbers_that_are_none_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        storable_json({"peaks": [0.5, number]})
