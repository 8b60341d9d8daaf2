"""Each refusal is a type of its own and a sentence that names the setting, with no credential in it."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.smq import (
    QueueNotExist,
    SmqClient,
    SmqConfigurationError,
    SmqCredentialError,
    SmqError,
    SmqSettings,
    SmqUnavailable,
    SmqUnreachable,
    TopicNotExist,
    acheck_smq,
    check_smq,
)

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess


async def refusal(settings: SmqSettings, call: Callable[[SmqClient], Awaitable[object]]) -> SmqError:
    async with SmqClient(settings) as client:
        with pytest.raises(SmqError) as caught:
            await call(client)
    for secret in settings.secrets:
        assert secret not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "smq_default" in str(caught.value)
    return caught.value


@pytest.fixture
def named(smq_settings: SmqSettings) -> SmqSettings:
    return replace(smq_settings, name="connection 'smq_default'")


async def test_missing_queue(named: SmqSettings) -> None:
    for call in (
        lambda c: c.receive("nowhere", wait_seconds=0),
        lambda c: c.queue_attributes("nowhere"),
        lambda c: c.delete("nowhere", ["handle"]),
    ):
        error = await refusal(named, call)
        assert isinstance(error, QueueNotExist)
        assert (error.code, error.status) == ("QueueNotExist", 404)
        assert error.request_id
        assert "'nowhere'" in str(error)


async def test_missing_topic(named: SmqSettings) -> None:
    error = await refusal(named, lambda c: c.topic_attributes("nowhere"))
    assert isinstance(error, TopicNotExist)
    assert "'nowhere'" in str(error)


async def test_wrong_key_and_wrong_secret(named: SmqSettings, local_cloud: CloudProcess) -> None:
    error = await refusal(replace(named, access_key_id="LTAIwrongwrong"), lambda c: c.receive(local_cloud.queue))
    assert isinstance(error, SmqCredentialError)
    assert "login" in str(error)
    error = await refusal(replace(named, access_key_secret="wrong-secret"), lambda c: c.receive(local_cloud.queue))
    assert isinstance(error, SmqCredentialError)
    assert "password" in str(error)


async def test_a_place_that_isnt_smq(named: SmqSettings, local_cloud: CloudProcess) -> None:
    error = await refusal(replace(named, endpoint=local_cloud.oss), lambda c: c.queue_attributes("q"))
    assert "check the endpoint" in str(error)


async def test_nothing_listens(named: SmqSettings, closed_port: int) -> None:
    error = await refusal(replace(named, endpoint=f"http://127.0.0.1:{closed_port}"), lambda c: c.queue_attributes("q"))
    assert isinstance(error, SmqUnreachable)
    assert f"127.0.0.1:{closed_port}" in str(error)
    assert "refuses connections" in str(error)


async def test_a_closed_connection_is_unreachable(named: SmqSettings, hanging_up: tuple[int, list[int]]) -> None:
    port, _ = hanging_up
    error = await refusal(replace(named, endpoint=f"http://127.0.0.1:{port}"), lambda c: c.queue_attributes("q"))
    assert isinstance(error, SmqUnreachable)


async def test_a_read_timeout_is_unreachable(named: SmqSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = replace(named, endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}", read_timeout=0.2)
        error = await refusal(settings, lambda c: c.queue_attributes("q"))
    assert isinstance(error, SmqUnreachable)
    assert "didn't answer in time" in str(error)


async def test_check_is_content_with_what_is_there(named: SmqSettings, local_cloud: CloudProcess) -> None:
    await acheck_smq(named, queue=local_cloud.queue, topic=local_cloud.topic)
    await acheck_smq(named, queue=None)


@pytest.mark.parametrize(("queue", "topic"), [("nowhere", None), (None, "nowhere")])
def test_check_names_what_is_missing(named: SmqSettings, queue: str | None, topic: str | None) -> None:
    with pytest.raises(SmqConfigurationError, match=r"'nowhere'.*create it"):
        check_smq(named, queue=queue, topic=topic)


def test_check_tries_an_unreachable_endpoint_three_times(named: SmqSettings, hanging_up: tuple[int, list[int]]) -> None:
    port, seen = hanging_up
    with pytest.raises(SmqUnavailable, match=r"if this never worked, check the endpoint of .*\(3 tries\)"):
        check_smq(replace(named, endpoint=f"http://127.0.0.1:{port}"), queue="q", pauses=(0, 0))
    assert 3 <= len(seen) <= 6  # aiohttp repeats a GET once when the connection breaks


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"endpoint": ""}, "'endpoint' is missing"),
        ({"access_key_id": ""}, "'access_key_id' is missing"),
        ({"access_key_secret": "secret "}, "'access_key_secret' starts or ends with white space"),
        ({"endpoint": "ftp://host"}, "isn't an address"),
        ({"endpoint": "http://id:secret@host"}, "isn't an address"),
        ({"endpoint": "http://host/queues/q"}, "isn't an address"),
        ({"endpoint": "http://host:99999"}, "isn't an address"),
        ({"read_timeout": 0}, "'read_timeout'"),
    ],
)
def test_settings_that_cant_work(changes: dict[str, object], complaint: str) -> None:
    good = {"endpoint": "1.mns.cn-hangzhou.aliyuncs.com", "access_key_id": "id", "access_key_secret": "secret"}
    assert SmqSettings(**good).endpoint == "https://1.mns.cn-hangzhou.aliyuncs.com"
    with pytest.raises(SmqConfigurationError, match=complaint) as caught:
        SmqSettings(**(good | changes))
    assert "secret@" not in str(caught.value)


def test_settings_keep_credentials_out_of_their_repr() -> None:
    settings = SmqSettings("http://host", "the-id", "the-secret", security_token="the-token")
    for secret in settings.secrets:
        assert secret not in repr(settings)
