"""The checks of every attempt are kept, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oss_audio_core.catalogue import Catalogue, State, check_results
from oss_audio_core.catalogue.check_results import CheckResult
from oss_audio_core.catalogue.conversions import Attempt

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library


def test_checks_are_kept_for_every_attempt_in_their_order(catalogue: Catalogue, library: Library) -> None:
    row = library.add("a.wav", state=State.QUARANTINED)
    first = [CheckResult("codec", "mp3", "aac\x00", "failed"), CheckResult("bitrate", "128000", "?", "estimated")]
    second = [CheckResult("codec", "mp3", "mp3", "passed")]
    with catalogue.write() as connection:
        check_results.record(connection, Attempt(row, 1), second)
        check_results.record(connection, Attempt(row, 1), first)
        check_results.record(connection, Attempt(row, 2), second)
    with catalogue.read() as connection:
        found = check_results.of_attempt(connection, Attempt(row, 1))
        assert [(one.name, one.measured, one.verdict) for one in found] == [
            ("codec", "aac�", "failed"),
            ("bitrate", "?", "estimated"),
        ]
        assert check_results.of_attempt(connection, Attempt(row, 2)) == second
        assert check_results.of_attempt(connection, Attempt(row, 3)) == []
