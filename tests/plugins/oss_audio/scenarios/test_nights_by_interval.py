"""Nights by interval, as Airflow runs them: each covers its day, and what a stopped one left is not lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oss_audio.operators import list_sources
from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio_core.catalogue import State

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment


def test_what_a_stopped_night_left_is_published_by_a_later_one(
    deployment: Deployment, begin: Callable[[str], Any], accepted: Callable[[], int]
) -> None:
    stopped = begin("a night").through("plan")
    opened = deployment.catalogue()
    with opened.write() as connection:
        connection.exec_driver_sql("UPDATE conversion SET changed_at = '2026-01-01 00:00:00.000000'")
    opened.close()
    later = begin("a later night")
    where = {"bucket": deployment.cloud.bucket, "prefix": deployment.prefix, "profiles": "mobile-mp3"}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    later.listed = OSSAudioListOperator(task_id="list", modified_from=tomorrow, **where).execute(later.context)
    assert later.listed["listed"] == 0
    assert later.onwards("plan").states() == [(State.PUBLISHED, 1)] * 2
    assert stopped.states() == [(State.PUBLISHED, 1)] * 2
    assert accepted() == 2


def test_what_was_too_young_for_one_night_is_taken_by_the_next(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.put("a.wav")
    written = deployment.oss.bucket(deployment.cloud.bucket).head_object(f"{deployment.prefix}a.wav").last_modified
    first_ends = datetime.fromtimestamp(written, UTC) + timedelta(minutes=30)

    def night(ends: datetime, **changes: Any) -> dict[str, Any]:
        # A night begins when its interval is over.
        monkeypatch.setattr(list_sources, "check_bucket", lambda *_: ends)
        begins = ends - timedelta(days=1)
        return OSSAudioListOperator(
            task_id="list",
            bucket=deployment.cloud.bucket,
            prefix=deployment.prefix,
            profiles="mobile-mp3",
            min_age=1,
            modified_from=begins.isoformat(),
            modified_before=ends.isoformat(),
            **changes,
        ).execute(deployment.context())

    assert night(first_ends)["passed_over"] == {"newer than the interval": 1}
    second_ends = first_ends + timedelta(days=1)
    assert night(second_ends, leftovers=False)["passed_over"] == {"older than the interval": 1}
    assert night(second_ends)["listed"] == 1
    assert night(second_ends + timedelta(days=1))["passed_over"] == {"older than the interval": 1}
