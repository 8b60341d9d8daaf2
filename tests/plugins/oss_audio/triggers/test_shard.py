"""A trigger is a row of Airflow's database: what an earlier version serialized goes on, or its task says what to do."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.sensors.convert import OSSAudioConvertSensor
from oss_audio.triggers.shard import OSSAudioShardTrigger
from oss_audio.values import as_shard

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment

CLASSPATH_OF_0_1_0 = "oss_audio.triggers.shard.OSSAudioShardTrigger"
ARGUMENTS_OF_0_1_0: dict[str, Any] = {
    "batch": 7,
    "uid": "2f1c9c0e5f0a4d7bb0a1",
    "shard": 3,
    "until": "2100-01-01T00:00:00+00:00",
    "oss_conn_id": "oss_default",
    "smq_conn_id": "smq_default",
    "catalogue_conn_id": "audio_catalogue",
    "queue": "audio-done-queue",
    "ask_after": 0.2,
    "fail_on_error": False,
}


def deserialized(arguments: dict[str, Any]) -> OSSAudioShardTrigger:
    """Load a trigger as the triggerer does."""
    module, _, name = CLASSPATH_OF_0_1_0.rpartition(".")
    trigger: OSSAudioShardTrigger = getattr(import_module(module), name)(**arguments)
    return trigger


def first_event(trigger: OSSAudioShardTrigger) -> TriggerEvent:
    async def first() -> TriggerEvent:
        return await anext(trigger.run())

    return asyncio.run(first())


def test_a_trigger_is_serialized_as_version_0_1_0_did() -> None:
    assert deserialized(ARGUMENTS_OF_0_1_0).serialize() == (CLASSPATH_OF_0_1_0, ARGUMENTS_OF_0_1_0)


def test_a_trigger_and_a_handle_of_version_0_1_0_go_on(deployment: Deployment) -> None:
    key = deployment.put("a.wav")
    made = OSSAudioConvertOperator(task_id="t", bucket="audio", key=key, profile="mobile-mp3").execute(
        deployment.context()
    )
    handle_of_0_1_0 = {"batch": made["batch"], "uid": made["uid"], "shard": 0}
    assert as_shard(handle_of_0_1_0) == made
    event = first_event(deserialized(ARGUMENTS_OF_0_1_0 | handle_of_0_1_0))
    assert isinstance(event, TaskSuccessEvent)
    assert event.xcoms == {"return_value": handle_of_0_1_0 | {"converted": 1, "failed": 0}}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"batch": 7, "until": "2100-01-01T00:00:00+00:00"}, "its trigger lacks ask_after, catalogue_conn_id, "),
        (ARGUMENTS_OF_0_1_0 | {"batches": [7]}, "its trigger has the unknown batches"),
    ],
)
def test_a_trigger_of_another_version_fails_its_task_with_what_to_do(arguments: dict[str, Any], reason: str) -> None:
    event = first_event(deserialized(arguments))
    assert not isinstance(event, TaskSuccessEvent)
    assert event.payload["unusable"].startswith(reason)
    sensor = OSSAudioConvertSensor(task_id="t", shard={"batch": 7, "uid": "u", "shard": 3})
    with pytest.raises(AirflowFailException, match=f"{reason}.*Clear the task"):
        sensor.execute_complete({}, event.payload)
