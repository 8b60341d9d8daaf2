"""The trigger as a triggerer runs it: never blocking the event loop, any number of copies, always the same end."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.triggers.shard import OSSAudioShardTrigger
from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.schema import lease

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment

ROOT = Path(__file__).parents[4]
FAR_OFF = "2100-01-01T00:00:00+00:00"

PROGRAM = """
import asyncio, json, sys
from airflow.sdk import BaseHook
from blockbuster import blockbuster_ctx
from oss_audio.triggers.shard import OSSAudioShardTrigger

async def main(arguments):
    await BaseHook.aget_connection("oss_default")  # Airflow imports its own parts with the first one
    with blockbuster_ctx():
        event = await anext(OSSAudioShardTrigger(**arguments).run())
    print("EVENT " + json.dumps(event.xcoms))

for arguments in json.loads(sys.argv[1]):
    asyncio.run(main(arguments))
"""
"""A process of its own: whatever this one has imported before would hide an import on the loop."""


def trigger_arguments(shard: Any, **changes: Any) -> dict[str, Any]:
    arguments = {
        **shard,
        "until": FAR_OFF,
        "oss_conn_id": "oss_default",
        "smq_conn_id": "smq_default",
        "catalogue_conn_id": "audio_catalogue",
        "queue": "audio-done-queue",
        "ask_after": 0.2,
        "fail_on_error": False,
    }
    return arguments | changes


def test_the_trigger_never_blocks_the_event_loop(deployment: Deployment) -> None:
    shards = [
        OSSAudioConvertOperator(
            task_id="t", bucket="audio", key=deployment.put("a.wav"), profile=profile, smq_conn_id=conn_id
        ).execute(deployment.context())
        for profile, conn_id in (("mobile-mp3", "smq_default"), ("voice-amr-nb", None))
    ]
    told, asked = shards
    arguments = [trigger_arguments(told), trigger_arguments(asked, smq_conn_id=None, queue=None)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"},
    )
    events = [line.removeprefix("EVENT ") for line in done.stdout.splitlines() if line.startswith("EVENT ")]
    assert done.returncode == 0, done.stderr
    assert [json.loads(event)["return_value"] for event in events] == [
        shard | {"converted": 1, "failed": 0} for shard in shards
    ]


def test_two_triggerers_with_the_same_trigger_see_the_same_end(deployment: Deployment) -> None:
    key = deployment.put("a.wav")
    shard = OSSAudioConvertOperator(task_id="t", bucket="audio", key=key, profile="mobile-mp3").execute(
        deployment.context()
    )

    def in_a_triggerer(_number: int) -> TriggerEvent:
        # An event loop of its own: nothing is shared.
        return asyncio.run(first_event(OSSAudioShardTrigger(**trigger_arguments(shard))))

    async def first_event(trigger: OSSAudioShardTrigger) -> TriggerEvent:
        return await anext(trigger.run())

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(in_a_triggerer, range(2))
    assert isinstance(first, TaskSuccessEvent)
    assert isinstance(second, TaskSuccessEvent)
    assert first.xcoms == second.xcoms == {"return_value": shard | {"converted": 1, "failed": 0}}


def test_a_failure_resumes_the_task_instead_of_ending_it_in_the_trigger(deployment: Deployment) -> None:
    key = deployment.put("bad.wav", b"no audio at all")
    shard = OSSAudioConvertOperator(task_id="t", bucket="audio", key=key, profile="mobile-mp3").execute(
        deployment.context()
    )

    async def first(**changes: Any) -> TriggerEvent:
        return await anext(OSSAudioShardTrigger(**trigger_arguments(shard, **changes)).run())

    resumed = asyncio.run(first(fail_on_error=True))
    assert not isinstance(resumed, TaskSuccessEvent)
    assert resumed.payload == {"done": True, "converted": 0, "failed": 1}
    assert isinstance(asyncio.run(first(fail_on_error=False)), TaskSuccessEvent)


def test_a_cancelled_trigger_releases_the_drain_lease_and_undoes_nothing(deployment: Deployment) -> None:
    key = deployment.put("a.wav")
    shard = OSSAudioConvertOperator(task_id="t", bucket="audio", key=key, profile="mobile-mp3").execute(
        deployment.context()
    )

    opened = deployment.catalogue()
    with opened.write() as connection:
        connection.exec_driver_sql("UPDATE conversion SET task_id = 'MediaConvert-endless'")

    def roles() -> list[str]:
        with opened.read() as connection:
            return list(connection.scalars(sa.select(lease.c.name)))

    def until_it_drains() -> None:
        deadline = time.monotonic() + 30
        while not roles():
            assert time.monotonic() < deadline, "the queue is not drained"
            time.sleep(0.02)

    async def cancel() -> None:
        trigger = OSSAudioShardTrigger(**trigger_arguments(shard, ask_after=600))
        running = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.to_thread(until_it_drains)
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()

    asyncio.run(cancel())
    assert roles() == []
    opened.close()
    (row,) = deployment.rows(shard["batch"])
    assert (row.state, row.task_id) == (State.SUBMITTED, "MediaConvert-endless")
