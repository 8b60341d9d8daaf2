"""Planning: shards of a plan, a plan that is kept, and a dry run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.operators.plan import OSSAudioPlanOperator
from oss_audio.operators.report import OSSAudioReportOperator
from oss_audio_core.catalogue import State
from tests.plugins.oss_audio.batch_steps import listing, plan

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment


def test_a_dry_run_shows_the_plan_and_keeps_nothing(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    key = deployment.put("a.wav")
    listed = listing(deployment, dry_run="True").execute(deployment.context())
    assert plan(listed) == []
    log = capsys.readouterr().out
    assert f"{key}  as mobile-mp3  ->  oss://{deployment.cloud.bucket}/renditions/mobile-mp3/" in log
    assert "Dry run: nothing was submitted" in log
    assert deployment.rows(listed["batch"]) == []
    report = OSSAudioReportOperator(task_id="report", batch=listed).execute({})
    assert report["wanted"] == 0


def test_a_plan_is_made_once(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.wav", "b.wav"):
        deployment.put(name)
    listed = listing(deployment).execute(deployment.context())
    shards = plan(listed)
    assert shards == [{"batch": listed["batch"], "uid": listed["uid"], "shard": 0}]
    assert "Plan: 2 new; 0 unchanged" in capsys.readouterr().out
    assert plan(listed) == shards
    assert "Planned already: 2 new" in capsys.readouterr().out
    assert [one.state for one in deployment.rows(listed["batch"])] == [State.PLANNED] * 2


def test_a_batch_without_sources_has_no_shard(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(listing(deployment).execute(deployment.context())) == []
    assert "Plan: nothing to do; 0 unchanged" in capsys.readouterr().out


def test_a_price_table_that_is_missing_is_named(deployment: Deployment, tmp_path: Path) -> None:
    deployment.put("a.wav")
    listed = listing(deployment).execute(deployment.context())
    missing = str(tmp_path / "prices.yaml")
    with pytest.raises(AirflowFailException, match=r"prices\.yaml"):
        OSSAudioPlanOperator(task_id="plan", batch=listed, prices=missing).execute({})
    assert deployment.rows(listed["batch"]) == []
