"""The clients that the settings build, at work on the local cloud."""

from __future__ import annotations

import asyncio
import logging
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import alibabacloud_oss_v2
import oss2
import pytest

from oss_audio_core.oss import OssSettings

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess

KEY = "in/a b/歌 +%.wav"


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as response:
        return bytes(response.read())


def test_worker_client(oss_settings: OssSettings, local_cloud: CloudProcess) -> None:
    session = oss_settings.session()
    bucket = oss_settings.bucket(local_cloud.bucket, session=session)
    bucket.put_object(KEY, b"some audio")
    assert bucket.get_object(KEY).read() == b"some audio"
    assert local_cloud.bucket in {b.name for b in oss_settings.service().list_buckets().buckets}
    session.session.close()


def test_presigned_address_needs_no_credentials(oss_settings: OssSettings, local_cloud: CloudProcess) -> None:
    oss_settings.bucket(local_cloud.bucket).put_object(KEY, b"to be heard")
    address = oss_settings.presign_get(local_cloud.bucket, KEY, 60)
    assert fetch(address) == b"to be heard"
    assert local_cloud.access_key_secret not in address
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(address.replace("x-oss-expires=60", "x-oss-expires=61"))
    with refused.value as answer:
        assert answer.code == 403


async def test_trigger_client(oss_settings: OssSettings, local_cloud: CloudProcess) -> None:
    await asyncio.to_thread(oss_settings.bucket(local_cloud.bucket).put_object, KEY, b"some audio")
    async with oss_settings.open_aio_client() as client:
        page = await client.list_objects_v2(
            alibabacloud_oss_v2.ListObjectsV2Request(bucket=local_cloud.bucket, prefix="in/a b/")
        )
    assert [found.key for found in page.contents] == [KEY]


async def test_trigger_client_tries_three_times(oss_settings: OssSettings, hanging_up: tuple[int, list[int]]) -> None:
    port, seen = hanging_up
    async with replace(oss_settings, endpoint=f"http://127.0.0.1:{port}").open_aio_client() as client:
        with pytest.raises(alibabacloud_oss_v2.exceptions.OperationError):
            await client.put_object(alibabacloud_oss_v2.PutObjectRequest(bucket="music", key="k", body=b""))
    assert len(seen) >= 3


def test_worker_client_tries_once(oss_settings: OssSettings, hanging_up: tuple[int, list[int]]) -> None:
    port, seen = hanging_up
    bucket = replace(oss_settings, endpoint=f"http://127.0.0.1:{port}").bucket("music")
    with pytest.raises(oss2.exceptions.RequestError):
        bucket.async_process_object("k", "audio/convert,f_mp3")
    assert len(seen) == 1


async def test_sts(start_local_cloud: Callable[..., CloudProcess]) -> None:
    token = "CAIS/long+token=="
    cloud = start_local_cloud(security_token=token)
    settings = OssSettings(
        cloud.oss, cloud.region, cloud.access_key_id, cloud.access_key_secret, token, path_style=True
    )
    await asyncio.to_thread(settings.bucket(cloud.bucket).put_object, KEY, b"some audio")
    async with settings.open_aio_client() as client:
        head = await client.head_object(alibabacloud_oss_v2.HeadObjectRequest(bucket=cloud.bucket, key=KEY))
    assert head.content_length == 10
    address = settings.presign_get(cloud.bucket, KEY, 60)
    assert await asyncio.to_thread(fetch, address) == b"some audio"

    wrong = replace(settings, security_token="CAIS-another-token", name="connection 'oss_default'")
    with pytest.raises(oss2.exceptions.OssError) as refused:
        await asyncio.to_thread(wrong.bucket(cloud.bucket).get_object_meta, KEY)
    sentence = wrong.explain(refused.value, "Looking")
    for secret in (*settings.secrets, *wrong.secrets):
        assert secret not in sentence


def test_sdk_logs_carry_no_signature(
    oss_settings: OssSettings, local_cloud: CloudProcess, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = replace(oss_settings, access_key_secret="another-secret")
    with caplog.at_level(logging.INFO), pytest.raises(oss2.exceptions.OssError):
        wrong.bucket(local_cloud.bucket).get_object("k")
    assert "StringToSign" not in caplog.text
    assert local_cloud.access_key_id not in caplog.text
