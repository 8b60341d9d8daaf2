"""Bucket and key of a request in both addressing styles."""

from __future__ import annotations

import pytest

from oss_local_cloud.oss.addressing import bucket_of_host, check_bucket_name, split_path
from oss_local_cloud.oss.errors import OssError


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("music.localhost:9000", "music"),
        ("localhost:9000", None),
        ("127.0.0.1:9000", None),
        ("[::1]:9000", None),
        ("oss.example.com", None),
    ],
)
def test_bucket_of_host(host: str, bucket: str | None):
    assert bucket_of_host(host, {"oss.example.com"}) == bucket


def test_path_style_and_virtual_hosted_style():
    assert split_path(b"/music/in/a%20b.wav", None) == ("music", "in/a b.wav")
    assert split_path(b"/in/a%2Fb.wav", "music") == ("music", "in/a/b.wav")
    assert split_path(b"/", None) == (None, "")


@pytest.mark.parametrize("name", ["ab", "UPPER", "-music", "music-", "a" * 64])
def test_invalid_bucket_names_are_refused(name: str):
    with pytest.raises(OssError, match="InvalidBucketName"):
        check_bucket_name(name)
