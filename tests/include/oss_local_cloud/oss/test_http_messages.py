"""Header and parameter values of OSS requests."""

from __future__ import annotations

import base64

import pytest

from oss_local_cloud.oss.errors import OssError
from oss_local_cloud.oss.http_messages import content_md5, parse_integer


def test_content_md5_is_sixteen_bytes_of_base64():
    assert content_md5({}) is None
    assert content_md5({"content-md5": base64.b64encode(b"x" * 16).decode()}) == b"x" * 16
    for text in ("no base64!", base64.b64encode(b"short").decode()):
        with pytest.raises(OssError, match="InvalidDigest"):
            content_md5({"content-md5": text})


def test_integers_lie_within_their_range():
    assert parse_integer("max-keys", "1000", 1, 1000) == 1000
    for text in ("", "0", "1001", "-1", "1.5", "\u0661"):
        with pytest.raises(OssError) as refused:
            parse_integer("max-keys", text, 1, 1000)
        assert refused.value.details == {"ArgumentName": "max-keys", "ArgumentValue": text}
