"""A run that was deferred by version 0.1.0 goes on: its trigger and its XComs are read as that version wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.module_loading import import_string

from oss_audio.values import as_batch, as_shard
from oss_audio_core.catalogue import State
from tests.plugins.oss_audio.conftest import Run

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment

TRIGGER = (
    "oss_audio.triggers.shard.OSSAudioShardTrigger",
    {
        "batch": 7,
        "uid": "5f0c",
        "shard": 2,
        "until": "2026-03-02T02:00:00+00:00",
        "oss_conn_id": "oss_default",
        "smq_conn_id": "smq_default",
        "catalogue_conn_id": "audio_catalogue",
        "queue": "audio-tasks",
        "ask_after": 60.0,
        "fail_on_error": True,
    },
)
"""What the database of a running Airflow holds of version 0.1.0."""


def test_a_stored_trigger_is_built_and_stored_again_the_same() -> None:
    classpath, arguments = TRIGGER
    assert import_string(classpath)(**arguments).serialize() == TRIGGER


def test_stored_handles_are_read() -> None:
    assert dict(as_shard({"batch": 7, "uid": "5f0c", "shard": 2})) == {"batch": 7, "uid": "5f0c", "shard": 2}
    assert as_batch({"batch": 7, "uid": "5f0c"}) == (7, "5f0c")
    assert as_batch(7) == (7, None)


def test_a_handle_of_another_form_fails_with_a_sentence() -> None:
    with pytest.raises(AirflowFailException, match="give what OSSAudioConvertOperator returned"):
        as_shard({"id": 7})


def test_a_plan_whose_shards_cut_through_a_source_goes_on_shard_by_shard(deployment: Deployment) -> None:
    deployment.put("a.wav")
    run = Run(deployment, "planned before", profiles="mobile-mp3,voice-amr-nb").tasks("list", "plan")
    opened = deployment.catalogue()
    with opened.write() as connection:
        # As that version cut them: by the order of the conversions alone.
        connection.exec_driver_sql("UPDATE batch_conversion SET shard = ordinal")
    opened.close()
    run.tasks("plan").onwards("convert")
    assert [shard["shard"] for shard in run.shards] == [0, 1]
    assert run.states() == [(State.PUBLISHED, 1)] * 2
    assert run.report["published"] == 2
