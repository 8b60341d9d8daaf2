"""An STS token ends sooner than a long wait does, or is renewed a moment after a task began: both pass."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.sensors.convert import OSSAudioConvertSensor
from oss_audio.triggers import shared_pollers
from oss_audio.triggers.shard import OSSAudioShardTrigger
from oss_audio.triggers.shared_pollers import PollerKey, shared_poller
from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.pipeline.waiting import drainer
from oss_audio_core.pipeline.waiting import shared_poller as core_poller

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment
    from tools.cloud_process import CloudProcess

HERE = PollerKey("oss_default", "smq_default", "audio_catalogue", "audio-done-queue")
DEADLINE = 60.0
OLD, NEW = "token-of-yesterday", "token-of-today"


@pytest.fixture
def with_token(deployment: Deployment, start_local_cloud: Callable[..., CloudProcess]) -> Deployment:
    """A local cloud of its own, and connections with the first token."""
    own = replace(deployment, cloud=start_local_cloud(security_token=OLD))
    put_token(own, OLD)
    return own


def put_token(deployment: Deployment, token: str, *, smq: str | None = None) -> None:
    """Put a token into both connections; `smq`: another one into that of SMQ."""
    deployment.connect(
        oss={"auth_type": "STS", "security_token": token},
        smq={"extra": {"queue": "audio-done-queue", "topic": "audio-done", "security_token": smq or token}},
    )


def hold(deployment: Deployment) -> Callable[[], None]:
    """Let the one conversion look endless; returns what ends that."""
    catalogue = deployment.catalogue()
    with catalogue.write() as connection:
        row = connection.execute(conversion.select()).one()
        held = {"task_id": "MediaConvert-endless", "output_key": f"{row.output_key}.later"}
        connection.execute(conversion.update().values(**held))

    def release() -> None:
        with catalogue.write() as connection:
            connection.execute(conversion.update().values(task_id=row.task_id, output_key=row.output_key))
        catalogue.close()

    return release


async def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


def test_a_token_that_expires_in_the_middle_of_a_wait(
    with_token: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(core_poller, "RECONNECT_EVERY", 0.1)
    monkeypatch.setattr(drainer, "PAUSE", 0.1)
    key = with_token.put("a.wav")
    # Without a message, which would tell of the end before the token has expired.
    shard = OSSAudioConvertOperator(
        task_id="t", bucket="audio", key=key, profile="mobile-mp3", smq_conn_id=None
    ).execute(with_token.context())
    release = hold(with_token)
    arguments: dict[str, Any] = {
        **shard,
        "until": "2100-01-01T00:00:00+00:00",
        "oss_conn_id": HERE.oss,
        "smq_conn_id": HERE.smq,
        "catalogue_conn_id": HERE.catalogue,
        "queue": HERE.queue,
        "ask_after": 0.2,
        "fail_on_error": False,
    }

    async def course() -> TriggerEvent:
        async with shared_poller(HERE) as shared:
            waiting = asyncio.ensure_future(anext(OSSAudioShardTrigger(**arguments).run()))
            answered: list[None] = []
            with monkeypatch.context() as watching:
                watching.setattr(shared, "on_accepted", lambda: answered.append(None))
                await until(lambda: bool(answered), "no poll was made")

            with_token.cloud.security_token = NEW
            await asyncio.to_thread(with_token.cloud.restart)
            await until(lambda: "the STS token was refused" in caplog.text, "no credentials were refused")
            release()
            assert not waiting.done()
            put_token(with_token, NEW)
            event = await asyncio.wait_for(waiting, DEADLINE)
            assert (shared.oss.security_token, shared.smq and shared.smq.security_token) == (NEW, NEW)
        return event

    with caplog.at_level(logging.INFO):
        event = asyncio.run(course())
    assert isinstance(event, TaskSuccessEvent)
    assert event.xcoms == {"return_value": shard | {"converted": 1, "failed": 0}}
    assert "Continuing with the new settings of connection 'oss_default' and connection 'smq_default'." in caplog.text
    assert all(word not in caplog.text for word in (OLD, NEW, with_token.cloud.access_key_secret))


def test_triggers_that_start_after_a_renewal_share_the_poller_that_was_renewed(
    with_token: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_pollers, "CACHE_FOR", 0.0)

    async def course() -> None:
        async with shared_poller(HERE) as before:
            put_token(with_token, NEW)
            await before.reconnect()
            async with shared_poller(HERE) as after:
                assert after is before
                assert after.oss.security_token == NEW

    asyncio.run(course())


def test_a_token_that_was_not_renewed_in_time_leaves_the_submit_its_retries(with_token: Deployment) -> None:
    key = with_token.put("a.wav")
    operator = OSSAudioConvertOperator(task_id="t", bucket="audio", key=key, profile="mobile-mp3")
    context = with_token.context()
    put_token(with_token, OLD, smq=NEW)
    with pytest.raises(AirflowException, match=r"the STS token was refused or has expired.*'smq_default'") as caught:
        operator.execute(context)
    assert not isinstance(caught.value, AirflowFailException)
    put_token(with_token, OLD)
    shard = operator.execute(context)
    assert [row.state for row in with_token.rows(shard["batch"])] == [State.SUBMITTED]


def test_a_token_that_was_not_renewed_in_time_does_not_keep_the_sensor_from_waiting(with_token: Deployment) -> None:
    key = with_token.put("a.wav")
    context = with_token.context()
    shard = OSSAudioConvertOperator(task_id="t", bucket="audio", key=key, profile="mobile-mp3").execute(context)
    put_token(with_token, OLD, smq=NEW)
    with pytest.raises(TaskDeferred):
        OSSAudioConvertSensor(task_id="t", shard=shard).execute(context)
