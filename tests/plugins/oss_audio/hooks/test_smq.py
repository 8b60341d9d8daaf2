"""The `smq` connection: its fields, its Test button, its complaints."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.hooks.smq import SMQHook
from oss_audio_core.smq import SmqSettings

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess

Define = Callable[[str, str], None]

FIELDS = {
    "conn_type": "smq",
    "host": "https://1.mns.cn-hangzhou.aliyuncs.com",
    "login": "the-access-key-id",
    "password": "the-access-key-secret",
}


def smq(extra: dict[str, Any] | None = None, **fields: Any) -> str:
    return json.dumps({**FIELDS, "extra": extra or {}, **fields})


def test_the_forms_fields(connection: Define) -> None:
    connection("smq_default", smq({"queue": "q", "topic": "t", "security_token": "the-security-token"}))
    hook = SMQHook()
    assert hook.settings == SmqSettings(
        "https://1.mns.cn-hangzhou.aliyuncs.com",
        "the-access-key-id",
        "the-access-key-secret",
        security_token="the-security-token",
        name="connection 'smq_default'",
    )
    assert (hook.queue, hook.topic) == ("q", "t")


def test_queue_and_topic_are_optional(connection: Define) -> None:
    connection("smq_default", smq({"queue": " "}))
    assert (SMQHook().queue, SMQHook().topic) == (None, None)


@pytest.mark.parametrize(
    ("value", "endpoint"),
    [
        (smq(host="1.mns.cn-hangzhou.aliyuncs.com"), "https://1.mns.cn-hangzhou.aliyuncs.com"),
        (smq(host="http://127.0.0.1:9001/"), "http://127.0.0.1:9001"),
        (smq(host="http://127.0.0.1", port=9001), "http://127.0.0.1:9001"),
        (smq(host="http://127.0.0.1:9001", port=9001), "http://127.0.0.1:9001"),
        ("smq://the-access-key-id:the-access-key-secret@mns.example.com:9001/?queue=q", "https://mns.example.com:9001"),
        ("smq://http://the-access-key-id:the-access-key-secret@127.0.0.1:9001/?queue=q", "http://127.0.0.1:9001"),
    ],
)
def test_endpoints(connection: Define, value: str, endpoint: str) -> None:
    connection("smq_default", value)
    assert SMQHook().settings.endpoint == endpoint
    assert SMQHook().settings.access_key_secret == "the-access-key-secret"


def test_everything_in_the_extra_fields(connection: Define) -> None:
    extra = {"endpoint": "http://127.0.0.1:9001", "access_key_id": "id", "access_key_secret": "secret", "queue": "q"}
    connection("smq_default", json.dumps({"conn_type": "smq", "extra": extra}))
    assert SMQHook().settings.endpoint == "http://127.0.0.1:9001"
    assert SMQHook().settings.secrets == ("id", "secret")


async def test_triggers_read_the_same(connection: Define) -> None:
    connection("smq_default", smq({"queue": "q", "topic": "t"}))
    hook = SMQHook()
    assert await hook.asettings() == SMQHook().settings
    assert (hook.queue, hook.topic) == ("q", "t")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (smq(host=None), "its host (the endpoint) is missing"),
        (smq(login=""), "its login (access key id) is missing"),
        (smq(password=None), "its password (access key secret) is missing"),
        (smq(conn_type="http"), "its type is 'http' and must be 'smq'"),
        (smq(host="https://1.mns.cn-hangzhou.aliyuncs.com/queues/q"), "'endpoint' isn't an address"),
        (smq({"read_timeout": 0}), "'read_timeout' must be a number of seconds"),
    ],
)
async def test_a_wrong_field_is_named(connection: Define, value: str, complaint: str) -> None:
    connection("done", value)
    with pytest.raises(AirflowFailException) as on_worker:
        _ = SMQHook("done").settings
    with pytest.raises(AirflowFailException) as on_triggerer:
        await SMQHook("done").asettings()
    for caught in (on_worker, on_triggerer):
        assert complaint in str(caught.value)
        assert "onnection 'done'" in str(caught.value)
        assert "the-access-key" not in str(caught.value)


def test_a_missing_connection_says_how_to_make_one() -> None:
    with pytest.raises(AirflowFailException, match="airflow connections add nowhere --conn-type smq"):
        _ = SMQHook("nowhere").settings


def press_test(cloud: CloudProcess, **changes: Any) -> tuple[bool, str]:
    """What the UI's Test button does: a connection from the form, and the hook of its type."""
    fields: dict[str, Any] = {
        "host": cloud.smq,
        "login": cloud.access_key_id,
        "password": cloud.access_key_secret,
        "extra": {"queue": cloud.queue, "topic": cloud.topic},
    } | changes
    fields["extra"] = json.dumps(fields["extra"])
    return Connection(conn_id="from_the_form", conn_type="smq", **fields).test_connection()


def test_the_test_button_asks_for_the_queue(local_cloud: CloudProcess) -> None:
    answered, told = press_test(local_cloud)
    assert answered
    # Other tests have left their messages in the queue.
    assert re.fullmatch(rf"Queue '{local_cloud.queue}' answers; messages waiting: \d+", told)
    assert press_test(local_cloud, extra={"topic": local_cloud.topic}) == (
        True,
        f"Topic {local_cloud.topic!r} answers",
    )


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"extra": {"queue": "nowhere"}}, "no such queue"),
        ({"extra": {"topic": "nowhere"}}, "no such topic"),
        ({"extra": {}}, "fill in Queue"),
        ({"login": "LTAI5tWrongWrongWrong"}, "access key id is unknown"),
        ({"password": "not-the-secret"}, "doesn't belong to the access key id"),
        ({"host": ""}, "host (the endpoint) is missing"),
    ],
)
def test_the_test_button_says_what_is_wrong(local_cloud: CloudProcess, changes: dict[str, Any], complaint: str) -> None:
    good, message = press_test(local_cloud, **changes)
    assert not good
    assert complaint in message
    for secret in (local_cloud.access_key_secret, "not-the-secret", "LTAI5tWrongWrongWrong"):
        assert secret not in message
