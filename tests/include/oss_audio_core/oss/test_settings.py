"""What the settings accept, how they are normalised, and which address each client uses."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from oss_audio_core.oss import OssConfigurationError, OssSettings

HANGZHOU = OssSettings("", "cn-hangzhou", "the-id", "the-secret", security_token="the-token")


def test_endpoints_follow_from_the_region() -> None:
    assert HANGZHOU.endpoint == "https://oss-cn-hangzhou.aliyuncs.com"
    assert HANGZHOU.imm_address == "https://imm.cn-hangzhou.aliyuncs.com"
    assert replace(HANGZHOU, imm_endpoint="imm-vpc.cn-hangzhou.aliyuncs.com").imm_address == (
        "https://imm-vpc.cn-hangzhou.aliyuncs.com"
    )


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("oss-cn-hangzhou.aliyuncs.com", "https://oss-cn-hangzhou.aliyuncs.com"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ("localhost:9000", "https://localhost:9000"),
    ],
)
def test_addresses_are_normalised(given: str, used: str) -> None:
    assert replace(HANGZHOU, endpoint=given).endpoint == used


def test_credentials_stay_out_of_the_repr() -> None:
    assert HANGZHOU.secrets == ("the-id", "the-secret", "the-token")
    for secret in HANGZHOU.secrets:
        assert secret not in repr(HANGZHOU)
        assert secret not in str(HANGZHOU)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"region": ""}, "'region' is missing"),
        ({"region": "oss-cn-hangzhou"}, "without the prefix 'oss-': 'cn-hangzhou'"),
        ({"access_key_id": ""}, "'access_key_id' is missing"),
        ({"access_key_secret": "secret\n"}, "'access_key_secret' starts or ends with white space"),
        ({"endpoint": "ftp://oss"}, "'endpoint' isn't an address"),
        ({"endpoint": "http://the-id:the-secret@oss"}, "'endpoint' isn't an address"),
        ({"endpoint": "http://oss:70000"}, "'endpoint' isn't an address"),
        ({"internal_endpoint": "http://oss/bucket"}, "'internal_endpoint' isn't an address"),
        ({"browser_endpoint": "https://"}, "'browser_endpoint' isn't an address"),
        ({"imm_endpoint": "https://imm?x=1"}, "'imm_endpoint' isn't an address"),
        ({"connect_timeout": 0}, "'connect_timeout' must be more than 0"),
        ({"read_timeout": -1.0}, "'read_timeout' must be more than 0"),
    ],
)
def test_settings_that_cant_work_name_the_setting(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(OssConfigurationError, match=complaint) as caught:
        replace(HANGZHOU, **changes)
    assert "the-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "worker", "browser"),
    [
        ({}, "music.oss-cn-hangzhou.aliyuncs.com/k", "music.oss-cn-hangzhou.aliyuncs.com/k"),
        (
            {"internal_endpoint": "oss-cn-hangzhou-internal.aliyuncs.com"},
            "music.oss-cn-hangzhou-internal.aliyuncs.com/k",
            "music.oss-cn-hangzhou.aliyuncs.com/k",
        ),
        ({"browser_endpoint": "cdn.net"}, "music.oss-cn-hangzhou.aliyuncs.com/k", "music.cdn.net/k"),
        ({"endpoint": "audio.example.com", "custom_domain": True}, "audio.example.com/k", "audio.example.com/k"),
        (
            {"browser_endpoint": "audio.example.com", "custom_domain": True},
            "music.oss-cn-hangzhou.aliyuncs.com/k",
            "audio.example.com/k",
        ),
        (
            {"endpoint": "audio.example.com", "custom_domain": True, "internal_endpoint": "oss-internal.net"},
            "music.oss-internal.net/k",
            "audio.example.com/k",
        ),
        (
            {"endpoint": "http://cloud:9000", "path_style": True},
            "cloud:9000/music/k",
            "cloud:9000/music/k",
        ),
        (
            {"endpoint": "http://cloud:9000", "path_style": True, "browser_endpoint": "http://localhost:9000"},
            "cloud:9000/music/k",
            "localhost:9000/music/k",
        ),
        (
            {"path_style": True, "browser_endpoint": "audio.example.com", "custom_domain": True},
            "oss-cn-hangzhou.aliyuncs.com/music/k",
            "audio.example.com/k",
        ),
    ],
)
def test_workers_and_browsers_get_their_own_address(changes: dict[str, object], worker: str, browser: str) -> None:
    settings = replace(HANGZHOU, **changes)
    signed = urlsplit(settings.bucket("music").sign_url("GET", "k", 60))
    assert signed.netloc + signed.path == worker
    presigned = urlsplit(settings.presign_get("music", "k", 60))
    assert presigned.netloc + presigned.path == browser


def test_a_custom_domain_cant_list_buckets() -> None:
    with pytest.raises(OssConfigurationError, match="custom domain"):
        replace(HANGZHOU, endpoint="audio.example.com", custom_domain=True).service()


def test_a_name_that_no_bucket_has() -> None:
    with pytest.raises(OssConfigurationError, match="'Not_A_Bucket' is no valid bucket name"):
        HANGZHOU.bucket("Not_A_Bucket")


def test_importing_and_building_settings_loads_no_sdk() -> None:
    code = (
        "import sys; from oss_audio_core.oss import OssSettings, explain, check_bucket;"
        "from oss_audio_core.smq import decode;"
        "OssSettings('', 'cn-hangzhou', 'id', 'secret').imm();"
        "heavy = {'oss2', 'alibabacloud_oss_v2', 'alibabacloud_imm20200930', 'aiohttp', 'requests', 'airflow'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
