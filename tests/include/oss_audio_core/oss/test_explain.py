"""Each error of each SDK, provoked at the local cloud, becomes one sentence with the setting and the remedy."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import alibabacloud_oss_v2
import oss2
import pytest

from oss_audio_core.oss import OssConfigurationError, OssSettings, explain, is_unreachable

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess

Provoke = Callable[[OssSettings, str, str], BaseException]


def by_oss2(settings: OssSettings, bucket: str, key: str) -> BaseException:
    with pytest.raises(oss2.exceptions.OssError) as caught:
        settings.bucket(bucket).get_object(key)
    return caught.value


def by_oss2_head(settings: OssSettings, bucket: str, key: str) -> BaseException:
    with pytest.raises(oss2.exceptions.OssError) as caught:
        settings.bucket(bucket).head_object(key)
    return caught.value


def by_aio(settings: OssSettings, bucket: str, key: str) -> BaseException:
    async def ask() -> None:
        async with settings.open_aio_client() as client:
            await client.get_object(alibabacloud_oss_v2.GetObjectRequest(bucket=bucket, key=key))

    with pytest.raises(alibabacloud_oss_v2.exceptions.OperationError) as caught:
        asyncio.run(ask())
    return caught.value


def by_imm(settings: OssSettings, bucket: str, key: str) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the SDK's classes have no useful base
        settings.imm().get_task(bucket, key)
    return caught.value


OSS = pytest.mark.parametrize("provoke", [by_oss2, by_oss2_head, by_aio])
ALL = pytest.mark.parametrize("provoke", [by_oss2, by_oss2_head, by_aio, by_imm])


def sentence_of(settings: OssSettings, error: BaseException) -> str:
    sentence = settings.explain(error, "Reading oss://audio/k")
    assert sentence.startswith("Reading oss://audio/k failed: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    for secret in settings.secrets:
        assert secret not in sentence
    assert "StringToSign" not in sentence
    return sentence


@ALL
def test_wrong_key(oss_settings: OssSettings, local_cloud: CloudProcess, provoke: Provoke) -> None:
    wrong = replace(oss_settings, access_key_id="LTAI5tWrongWrongWrong")
    sentence = sentence_of(wrong, provoke(wrong, local_cloud.bucket, "k"))
    assert "'access_key_id' of connection 'oss_default'" in sentence


@ALL
def test_wrong_secret(oss_settings: OssSettings, local_cloud: CloudProcess, provoke: Provoke) -> None:
    wrong = replace(oss_settings, access_key_secret="not-the-secret")
    sentence = sentence_of(wrong, provoke(wrong, local_cloud.bucket, "k"))
    assert "'access_key_secret' of connection 'oss_default'" in sentence


@OSS
def test_missing_bucket(oss_settings: OssSettings, provoke: Provoke) -> None:
    sentence = sentence_of(oss_settings, provoke(oss_settings, "nowhere-to-be-found", "k"))
    assert "no such bucket" in sentence
    assert "'region' and 'endpoint'" in sentence


@OSS
def test_missing_object(oss_settings: OssSettings, local_cloud: CloudProcess, provoke: Provoke) -> None:
    sentence = sentence_of(oss_settings, provoke(oss_settings, local_cloud.bucket, "no such key"))
    assert "no such object" in sentence
    assert "HTTP 404" in sentence


@OSS
def test_wrong_region(oss_settings: OssSettings, local_cloud: CloudProcess, provoke: Provoke) -> None:
    wrong = replace(oss_settings, region="cn-nowhere")
    sentence = sentence_of(wrong, provoke(wrong, local_cloud.bucket, "k"))
    assert "'region' of connection 'oss_default'" in sentence


@ALL
def test_nothing_listens(oss_settings: OssSettings, closed_port: int, provoke: Provoke) -> None:
    address = f"http://127.0.0.1:{closed_port}"
    settings = replace(oss_settings, endpoint=address, imm_endpoint=address)
    error = provoke(settings, "audio", "k")
    assert is_unreachable(error)
    sentence = sentence_of(settings, error)
    assert f"refuses connections (127.0.0.1:{closed_port})" in sentence
    assert "'endpoint'" in sentence


@ALL
def test_a_closed_connection_is_unreachable(
    oss_settings: OssSettings, hanging_up: tuple[int, list[int]], provoke: Provoke
) -> None:
    address = f"http://127.0.0.1:{hanging_up[0]}"
    settings = replace(oss_settings, endpoint=address, imm_endpoint=address)
    error = provoke(settings, "audio", "k")
    assert is_unreachable(error)
    assert "connection broke" in sentence_of(settings, error)


@ALL
def test_a_read_timeout_is_unreachable(oss_settings: OssSettings, provoke: Provoke) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = replace(oss_settings, endpoint=address, imm_endpoint=address, read_timeout=0.1)
        error = provoke(settings, "audio", "k")
    assert is_unreachable(error)
    assert "didn't answer in time" in sentence_of(settings, error)


@ALL
def test_plain_text_where_tls_is_expected(
    oss_settings: OssSettings, local_cloud: CloudProcess, provoke: Provoke
) -> None:
    settings = replace(
        oss_settings,
        endpoint=local_cloud.oss.replace("http:", "https:"),
        imm_endpoint=local_cloud.imm.replace("http:", "https:"),
    )
    error = provoke(settings, local_cloud.bucket, "k")
    assert is_unreachable(error)
    assert "TLS" in sentence_of(settings, error)


def test_a_bucket_without_an_imm_project(oss_settings: OssSettings, unbound_bucket: str) -> None:
    bucket = oss_settings.bucket(unbound_bucket)
    bucket.put_object("a.wav", b"RIFF")
    with pytest.raises(oss2.exceptions.OssError) as caught:
        bucket.async_process_object("a.wav", "audio/convert,f_mp3|sys/saveas,o_YS5tcDM")
    assert "AttachOSSBucket" in oss_settings.explain(caught.value, "Submitting a conversion")


def test_an_error_of_ours_is_passed_on() -> None:
    assert explain(OssConfigurationError("Do this"), "Anything") == "Do this"


def test_a_body_that_quotes_everything_is_not_repeated() -> None:
    """What real OSS puts into SignatureDoesNotMatch, given to oss2's own exception."""
    details = {
        "Code": "SignatureDoesNotMatch",
        "Message": "The request signature we calculated does not match.",
        "OSSAccessKeyId": "LTAI5tRealLooking",
        "SignatureProvided": "c2lnbmF0dXJl",
        "StringToSign": "OSS4-HMAC-SHA256\n20250417T111832Z\n20250417/cn-hangzhou/oss/aliyun_v4_request\nabc",
    }
    error = oss2.exceptions.ServerError(403, {"x-oss-request-id": "5C1B138A109F4E405B2D"}, b"", details)
    sentence = explain(error, "Listing oss://music/")
    assert sentence == (
        "Listing oss://music/ failed: the access key secret doesn't belong to the access key id: check "
        "'access_key_secret' of the OSS connection (OSS: SignatureDoesNotMatch, HTTP 403, request "
        "5C1B138A109F4E405B2D)."
    )


def test_a_bucket_of_another_region() -> None:
    details = {
        "Code": "AccessDenied",
        "Message": "The bucket you are attempting to access must be addressed using the specified endpoint.",
        "Endpoint": "oss-cn-shanghai.aliyuncs.com",
    }
    error = oss2.exceptions.ServerError(403, {}, b"", details)
    assert "set 'endpoint' of the OSS connection to oss-cn-shanghai.aliyuncs.com" in explain(error, "Listing")


def test_rights_that_lack_are_listed() -> None:
    error = oss2.exceptions.ServerError(403, {}, b"", {"Code": "AccessDenied", "Message": "AccessDenied"})
    assert "oss:PostProcessTask" in explain(error, "Submitting")
