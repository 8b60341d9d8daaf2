"""A retry erases nothing: failed attempts are kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State
from oss_audio_core.catalogue.conversions import retry
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import attempt, conversion
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


def test_of_concurrent_retries_one_wins(catalogue: Catalogue, library: Library) -> None:
    rows = [library.add(f"{number}.wav", state=State.QUARANTINED) for number in range(20)]

    def retry_all(_: int) -> int:
        with catalogue.write() as connection:
            return retry(connection, rows)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(retry_all, range(4))) == [0, 0, 0, 20]
    with catalogue.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(attempt)) == 20
        assert set(connection.scalars(sa.select(conversion.c.attempt))) == {2}
