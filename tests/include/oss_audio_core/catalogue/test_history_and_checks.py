"""A retry erases nothing: failed attempts stay to be read, with their checks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, check_results, sources
from oss_audio_core.catalogue.check_results import CheckResult
from oss_audio_core.catalogue.conversions import Attempt, retry
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import attempt, conversion, source
from oss_audio_core.catalogue.views import attempt_history

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library


def test_a_retry_keeps_what_became_of_the_attempt(catalogue: Catalogue, library: Library) -> None:
    failed = {"task_id": "T1", "submitted_at": now(), "code": "X", "message": "broken", "output_key": "s/1-1.mp3"}
    row = library.add("a.wav", state=State.FAILED, asked=failed)
    with catalogue.write() as connection:
        assert retry(connection, [row]) == 1
    with catalogue.read() as connection:
        (kept,) = connection.execute(sa.select(attempt)).all()
        history = connection.execute(sa.select(attempt_history).order_by(attempt_history.c.number)).all()
    assert (kept.conversion_id, kept.number, kept.state, kept.task_id) == (row, 1, "failed", "T1")
    assert (kept.code, kept.message, kept.output_key) == ("X", "broken", "s/1-1.mp3")
    assert [(one.number, one.state, one.task_id, bool(one.is_current)) for one in history] == [
        (1, "failed", "T1", False),
        (2, "planned", None, True),
    ]


def test_an_attempt_that_was_never_accepted_shows_no_earlier_task(catalogue: Catalogue, library: Library) -> None:
    row = library.add("a.wav", state=State.FAILED, asked={"attempt": 2, "task_id": "of attempt 1"})
    with catalogue.write() as connection:
        retry(connection, [row])
        assert connection.scalar(sa.select(attempt.c.task_id)) is None


def test_what_is_not_retried_has_no_history(catalogue: Catalogue, library: Library) -> None:
    spent = library.add("a.wav", state=State.FAILED, asked={"attempt": 3})
    published = library.add("b.wav")
    with catalogue.write() as connection:
        assert retry(connection, [spent, published]) == 0
        assert connection.execute(sa.select(attempt)).all() == []


def test_of_many_who_retry_at_once_one_does(catalogue: Catalogue, library: Library) -> None:
    rows = [library.add(f"{number}.wav", state=State.QUARANTINED) for number in range(20)]

    def retry_all(_: int) -> int:
        with catalogue.write() as connection:
            return retry(connection, rows)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(retry_all, range(4))) == [0, 0, 0, 20]
    with catalogue.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(attempt)) == 20
        assert set(connection.scalars(sa.select(conversion.c.attempt))) == {2}


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


def test_a_source_says_what_its_file_says_of_itself(catalogue: Catalogue, library: Library) -> None:
    library.add("a.wav")
    probed = {"codec": "flac", "sample_rate": 48000, "channels": 1, "duration": 2.5, "container": "flac"}
    with catalogue.write() as connection:
        one = connection.scalar(sa.select(source.c.id))
        assert one is not None
        sources.describe(
            connection, one, probe=probed, tags={"TITLE": "歌", "Artist": "A\x00", "DATE": "2026"}, crc64="7"
        )
    with catalogue.read() as connection:
        row = connection.execute(sa.select(source)).one()
    assert (row.title, row.artist, row.album, row.tags, row.crc64) == ("歌", "A�", None, {"date": "2026"}, "7")
    assert (row.probe, row.codec, row.sample_rate, row.channels, row.duration) == (probed, "flac", 48000, 1, 2.5)
