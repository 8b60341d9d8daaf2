"""A listing that begins after the key before one begins with that one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.oss.key_order import LONGEST_START, key_before

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(KEYS, st.lists(KEYS, max_size=6))
def test_it_is_before_the_key_and_next_to_it(key: str, others: list[str]) -> None:
    before = key_before(key)
    assert before.encode() < key.encode()
    # What lies between the two shares all but the last character of the key.
    between = [other for other in others if before.encode() < other.encode() < key.encode()]
    assert all(other.startswith(key[:-1]) for other in between)


def test_a_key_without_room_for_a_character_gives_its_beginning() -> None:
    assert key_before("a/b") == "a/a\U0010fffd"
    assert key_before("x" * LONGEST_START) == "x" * (LONGEST_START - 1)
    assert key_before("a ") == "a"
