"""Listing: Params as templates give them, limits of age and size, and a run that is planned already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from airflow.sdk.exceptions import AirflowFailException

from oss_audio_core.catalogue import State
from tests.plugins.oss_audio.batch_steps import listing, plan

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment


def test_params_as_templates_render_them(deployment: Deployment) -> None:
    for name in ("a.wav", "b.wav", "c.flac", "old/d.wav"):
        deployment.put(name)
    listed = listing(
        deployment,
        include=f"{deployment.prefix}*.wav",
        exclude='["*/old/*"]',
        profiles="mobile-mp3, voice-amr-nb",
        start="100",
        duration="200",
        force="False",
        limit="1",
        dry_run="false",
        max_attempts="5",
        target_bucket="None",
    ).execute(deployment.context())
    assert listed["listed"] == 2
    plan(listed)
    rows = deployment.rows(listed["batch"])
    assert {one.key for one in rows} == {f"{deployment.prefix}a.wav"}
    assert {one.profile for one in rows} == {"mobile-mp3.clip-100-300", "voice-amr-nb.clip-100-300"}
    assert all("ss_100,t_200" in one.process for one in rows)
    assert {one.state for one in rows} == {State.PLANNED}


@pytest.mark.parametrize(
    ("limits", "passed_over"),
    [
        ({"min_age": "0", "max_age": "1"}, {}),
        ({"min_age": "0.5"}, {"newer than the interval": 1}),
        ({"max_age": "1", "modified_before": "2026-01-01T00:00:00+00:00", "modified_from": ""}, None),
        ({"modified_before": "2026-01-01T00:00:00+00:00"}, {"newer than the interval": 1}),
        ({"max_size": "10"}, {"larger than max_size": 1}),
    ],
)
def test_limits_of_age_and_size(
    deployment: Deployment, limits: dict[str, str], passed_over: dict[str, int] | None
) -> None:
    deployment.put("a.wav")
    if passed_over is None:
        with pytest.raises(AirflowFailException, match="is not before modified_before"):
            listing(deployment, **limits).execute(deployment.context())
        return
    assert listing(deployment, **limits).execute(deployment.context())["passed_over"] == passed_over


def test_a_planned_run_keeps_its_listing(deployment: Deployment) -> None:
    deployment.put("a.wav")
    context = deployment.context()
    listed = listing(deployment).execute(context)
    plan(listed)
    deployment.put("b.wav")
    assert listing(deployment).execute(context) == listed
    with pytest.raises(
        AirflowFailException, match=r"is planned already, with another limit, force|with another force, limit"
    ):
        listing(deployment, limit=1, force=True).execute(context)
    assert listing(deployment).execute(deployment.context())["listed"] == 2


def test_nothing_is_listed_when_the_bucket_of_a_target_is_missing(deployment: Deployment, impatient: None) -> None:
    key = deployment.put("a.wav")
    context = deployment.context()
    with pytest.raises(AirflowFailException, match="no-such-bucket"):
        listing(deployment, target_bucket="no-such-bucket").execute(context)
    opened = deployment.catalogue()
    with opened.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM batch").scalar() == 0
    opened.close()
    assert deployment.exists(key)
