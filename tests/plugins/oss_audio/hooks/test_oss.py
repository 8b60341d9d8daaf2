"""From the provider's `oss` connection to settings, and what a person reads when a field is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.alibaba.cloud.hooks.oss import OSSHook
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.hooks.oss import OSSAudioHook
from oss_audio_core.oss import OssSettings

Define = Callable[[str, str], None]

EXTRA = {
    "auth_type": "AK",
    "access_key_id": "the-access-key-id",
    "access_key_secret": "the-access-key-secret",
    "region": "cn-hangzhou",
}
SECRETS = ("the-access-key-id", "the-access-key-secret", "the-security-token")


def oss(**extra: Any) -> str:
    fields = {name: value for name, value in (EXTRA | extra).items() if value is not None}
    return json.dumps({"conn_type": "oss", "extra": fields})


def test_the_providers_own_fields_are_enough(connection: Define) -> None:
    connection("oss_default", oss())
    settings = OSSAudioHook().settings
    assert settings == OssSettings(
        "https://oss-cn-hangzhou.aliyuncs.com",
        "cn-hangzhou",
        "the-access-key-id",
        "the-access-key-secret",
        name="connection 'oss_default'",
    )


def test_the_provider_reads_the_same_connection(connection: Define) -> None:
    connection("music", oss(endpoint="https://oss-cn-hangzhou.aliyuncs.com", path_style=True, imm_project="audio"))
    theirs, ours = OSSHook(oss_conn_id="music"), OSSAudioHook("music").settings
    credentials = theirs.get_credential().get_credentials()
    assert (credentials.access_key_id, credentials.access_key_secret) == (ours.access_key_id, ours.access_key_secret)
    assert theirs.get_default_region() == ours.region


def test_every_field(connection: Define) -> None:
    connection(
        "oss_default",
        oss(
            auth_type="STS",
            security_token="the-security-token",
            endpoint="oss.example.com",
            path_style=True,
            custom_domain="false",
            internal_endpoint="http://oss-internal.example.com:9000",
            browser_endpoint="audio.example.com",
            imm_endpoint="http://127.0.0.1:9002",
            imm_project="audio",
            connect_timeout=3,
            read_timeout="4.5",
        ),
    )
    assert OSSAudioHook().settings == OssSettings(
        endpoint="https://oss.example.com",
        region="cn-hangzhou",
        access_key_id="the-access-key-id",
        access_key_secret="the-access-key-secret",
        security_token="the-security-token",
        path_style=True,
        custom_domain=False,
        internal_endpoint="http://oss-internal.example.com:9000",
        browser_endpoint="https://audio.example.com",
        imm_endpoint="http://127.0.0.1:9002",
        imm_project="audio",
        connect_timeout=3.0,
        read_timeout=4.5,
        name="connection 'oss_default'",
    )


def test_a_connection_as_uri(connection: Define) -> None:
    connection(
        "oss_default",
        "oss://?auth_type=AK&access_key_id=the-access-key-id&access_key_secret=the-access-key-secret"
        "&region=cn-hangzhou&path_style=true&endpoint=http%3A%2F%2F127.0.0.1%3A9000",
    )
    settings = OSSAudioHook().settings
    assert (settings.endpoint, settings.path_style) == ("http://127.0.0.1:9000", True)


def test_login_and_password_stand_in(connection: Define) -> None:
    fields = {"conn_type": "oss", "login": "the-access-key-id", "password": "the-access-key-secret"}
    connection("oss_default", json.dumps(fields | {"extra": {"region": "cn-hangzhou"}}))
    assert OSSAudioHook().settings.secrets == ("the-access-key-id", "the-access-key-secret")


async def test_triggers_read_the_same(connection: Define) -> None:
    connection("oss_default", oss(path_style=True))
    hook = OSSAudioHook()
    assert await hook.asettings() == OSSAudioHook().settings
    assert hook.settings is await hook.asettings()


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (oss(auth_type="RAM"), "'auth_type' must be AK or STS"),
        (oss(auth_type="STS"), "'security_token' is missing"),
        (oss(access_key_id=None), "'access_key_id' is missing"),
        (oss(access_key_secret=" "), "'access_key_secret' is missing"),
        (oss(region=None), "'region' is missing"),
        (oss(region="oss-cn-hangzhou"), "without the prefix"),
        (oss(region=["cn-hangzhou"]), "'region' must be text, and is a JSON list"),
        (oss(path_style="perhaps"), "'path_style' must be true or false"),
        (oss(connect_timeout="soon"), "'connect_timeout' must be a number of seconds"),
        (oss(endpoint="https://the-access-key-id:the-access-key-secret@oss"), "'endpoint' isn't an address"),
        (oss().replace('"oss"', '"aws"'), "its type is 'aws' and must be 'oss'"),
        (json.dumps({"conn_type": "oss", "extra": "{the-access-key-secret"}), "isn't valid JSON"),
        (json.dumps({"conn_type": "oss", "extra": "[1]"}), "must be a JSON object"),
        ("{the-access-key-secret", "AIRFLOW_CONN_MUSIC is set, but it is neither"),
    ],
)
async def test_a_wrong_field_is_named(connection: Define, value: str, complaint: str) -> None:
    connection("music", value)
    with pytest.raises(AirflowFailException) as on_worker:
        _ = OSSAudioHook("music").settings
    with pytest.raises(AirflowFailException) as on_triggerer:
        await OSSAudioHook("music").asettings()
    for caught in (on_worker, on_triggerer):
        message = str(caught.value)
        assert complaint in message
        assert "onnection 'music'" in message
        for secret in SECRETS:
            assert secret not in message
        assert caught.value.__cause__ is None


async def test_a_missing_connection_says_how_to_make_one() -> None:
    with pytest.raises(AirflowFailException) as on_worker:
        _ = OSSAudioHook("nowhere").settings
    with pytest.raises(AirflowFailException) as on_triggerer:
        await OSSAudioHook("nowhere").asettings()
    for caught in (on_worker, on_triggerer):
        message = str(caught.value)
        assert "Connection 'nowhere' isn't defined" in message
        assert "airflow connections add nowhere --conn-type oss" in message
        assert "AIRFLOW_CONN_NOWHERE" in message
