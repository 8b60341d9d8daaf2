"""Publication as a step: what was verified reaches its target once, and is in the lineage."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from oss_audio.operators.publish import OSSAudioPublishOperator
from oss_audio_core.catalogue import State
from tests.plugins.oss_audio.conftest import Run

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment


def publish(batch: Any) -> OSSAudioPublishOperator:
    return OSSAudioPublishOperator(task_id="publish", batch=batch)


def test_what_was_verified_is_published_once(begin: Callable[[str], Run]) -> None:
    run = begin("one").through("verify")
    targets = [f"renditions/mobile-mp3/{run.deployment.prefix}{name}.mp3" for name in "ab"]
    assert not any(run.deployment.exists(key) for key in targets)
    operator = publish(run.listed)
    assert operator.execute(run.context) == {"published": 2}
    assert all(run.deployment.exists(key) for key in targets)
    assert publish(run.listed).execute(run.context) == {}
    bucket = run.deployment.cloud.bucket
    assert set(operator.datasets.outputs) == {f"oss://{bucket}/{key}" for key in targets}


def test_a_shard_publishes_its_own_and_names_its_own_in_the_lineage(deployment: Deployment) -> None:
    for name in ("a.wav", "b.wav"):
        deployment.put(name)
    run = Run(deployment, "one", shard_size=1).through("verify")
    first, second = run.shards
    operator = OSSAudioPublishOperator(task_id="publish", shard=first)
    assert operator.execute(run.context) == {"published": 1}
    assert [state for state, _ in run.states()] == [State.PUBLISHED, State.VERIFIED]
    assert operator.datasets.outputs == [
        f"oss://{deployment.cloud.bucket}/renditions/mobile-mp3/{deployment.prefix}a.mp3"
    ]
    assert OSSAudioPublishOperator(task_id="publish", shard=second).execute(run.context) == {"published": 1}


def test_nothing_is_published_before_it_is_verified(begin: Callable[[str], Run]) -> None:
    run = begin("one").through("await")
    assert publish(run.listed).execute(run.context) == {}
    assert {state for state, _ in run.states()} == {State.CONVERTED}


def test_without_a_batch_the_step_is_skipped(deployment: Deployment) -> None:
    with pytest.raises(AirflowSkipException, match="the task that lists the sources failed"):
        publish(None).execute(deployment.context())
