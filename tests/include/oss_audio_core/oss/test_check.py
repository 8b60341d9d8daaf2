"""The look before a batch: at once for an answer, three tries for silence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.oss import OssConfigurationError, OssSettings, OssUnavailable, check_bucket, check_imm
from oss_audio_core.oss.check import CONNECT_TIMEOUT, PAUSES, READ_TIMEOUT

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess


def test_a_good_connection_passes(oss_settings: OssSettings, local_cloud: CloudProcess) -> None:
    check_bucket(oss_settings, local_cloud.bucket)
    assert check_imm(oss_settings, local_cloud.bucket)


@pytest.mark.parametrize(
    ("changes", "bucket", "complaint"),
    [
        ({}, "nowhere-to-be-found", "no such bucket"),
        ({"access_key_id": "LTAI5tWrongWrongWrong"}, None, "'access_key_id' of connection 'oss_default'"),
        ({"access_key_secret": "not-the-secret"}, None, "'access_key_secret' of connection 'oss_default'"),
        ({"region": "cn-nowhere"}, None, "'region' of connection 'oss_default'"),
    ],
)
def test_an_answer_counts_at_once(
    oss_settings: OssSettings,
    local_cloud: CloudProcess,
    changes: dict[str, str],
    bucket: str | None,
    complaint: str,
) -> None:
    settings = replace(oss_settings, **changes)
    with pytest.raises(OssConfigurationError, match=complaint) as caught:
        check_bucket(settings, bucket or local_cloud.bucket, pauses=(3600, 3600))
    for secret in settings.secrets:
        assert secret not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_unbound_bucket(oss_settings: OssSettings, unbound_bucket: str) -> None:
    check_bucket(oss_settings, unbound_bucket)
    with pytest.raises(OssConfigurationError, match="bound to no IMM project"):
        check_imm(oss_settings, unbound_bucket, pauses=(3600, 3600))


def test_silence_is_tried_three_times(oss_settings: OssSettings, hanging_up: tuple[int, list[int]]) -> None:
    port, seen = hanging_up
    settings = replace(oss_settings, endpoint=f"http://127.0.0.1:{port}")
    with pytest.raises(OssUnavailable, match=r"connection broke.*if this never worked, check 'endpoint'.*\(3 tries\)"):
        check_bucket(settings, "audio", pauses=(0, 0))
    assert len(seen) == 3


def test_three_tries_end_within_a_minute() -> None:
    assert len(PAUSES) + 1 == 3
    assert 3 * (CONNECT_TIMEOUT + READ_TIMEOUT) + sum(PAUSES) <= 60
