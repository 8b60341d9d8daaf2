"""Stored JSON is read by the fields of the class, whichever version wrote it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from oss_audio_core.verification.stored_fields import known_fields, stored_form


@dataclass(frozen=True)
class Measure:
    codec: str
    added_later: float | None = None


def test_a_field_of_a_later_version_is_passed_over() -> None:
    assert Measure(**known_fields(Measure, {"codec": "mp3", "unheard_of": 1})) == Measure("mp3")


def test_a_field_that_an_earlier_version_lacks_has_its_default() -> None:
    assert Measure(**known_fields(Measure, {"codec": "mp3"})) == Measure("mp3", None)
    assert Measure(**known_fields(Measure, {"codec": "mp3", "added_later": 2.5})) == Measure("mp3", 2.5)


def test_a_field_without_a_default_is_missed() -> None:
    with pytest.raises(TypeError, match="codec"):
        Measure(**known_fields(Measure, {"added_later": 2.5}))


def test_a_measure_that_was_not_taken_is_not_stored() -> None:
    assert stored_form(Measure("mp3")) == {"codec": "mp3"}
    assert stored_form(Measure("mp3", 2.5)) == {"codec": "mp3", "added_later": 2.5}
