"""Verification as a step: counts by result, nothing before there is something, and no batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from oss_audio.operators.verify import OSSAudioVerifyOperator
from oss_audio_core.catalogue import State
from tests.plugins.oss_audio.conftest import Run

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment


def verify(batch: Any) -> dict[str, int]:
    return OSSAudioVerifyOperator(task_id="verify", batch=batch).execute({})


def test_results_are_counted_and_a_second_time_there_is_nothing_to_do(begin: Callable[[str], Run]) -> None:
    run = begin("one").through("await")
    opened = run.deployment.catalogue()
    with opened.write() as connection:
        connection.exec_driver_sql("UPDATE conversion SET process = 'audio/convert,f_mp3,ar_48000' WHERE id = 1")
    opened.close()
    assert verify(run.listed) == {"verified": 1, "quarantined": 1}
    assert verify(run.listed) == {}
    assert sorted(state for state, _ in run.states()) == [State.QUARANTINED, State.VERIFIED]


def test_a_shard_is_verified_by_itself(deployment: Deployment) -> None:
    for name in ("a.wav", "b.wav"):
        deployment.put(name)
    run = Run(deployment, "one", shard_size=1).through("await")
    assert OSSAudioVerifyOperator(task_id="verify", shard=run.shards[1]).execute({}) == {"verified": 1}
    assert [state for state, _ in run.states()] == [State.CONVERTED, State.VERIFIED]


def test_nothing_is_verified_before_it_is_converted(begin: Callable[[str], Run]) -> None:
    run = begin("one").through("plan")
    assert verify(run.listed) == {}
    assert run.states() == [(State.PLANNED, 1)] * 2


def test_without_a_batch_the_step_is_skipped(deployment: Deployment) -> None:
    with pytest.raises(AirflowSkipException, match="the task that lists the sources failed"):
        verify(None)
