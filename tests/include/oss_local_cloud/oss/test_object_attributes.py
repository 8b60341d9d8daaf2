"""Object attributes parsed from request headers."""

from __future__ import annotations

import pytest

from oss_local_cloud.oss.errors import OssError
from oss_local_cloud.oss.object_attributes import parse_object_attributes


def test_headers_become_attributes():
    attributes = parse_object_attributes(
        {
            "content-type": "audio/wav",
            "cache-control": "no-cache",
            "x-oss-meta-artist": "a",
            "x-oss-tagging": "k=v&k2=",
            "x-oss-storage-class": "IA",
        }
    )
    assert attributes.content_type == "audio/wav"
    assert attributes.headers == {"cache-control": "no-cache"}
    assert attributes.metadata == {"artist": "a"}
    assert attributes.tags == {"k": "v", "k2": ""}
    assert (attributes.storage_class, attributes.acl) == ("IA", "default")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-oss-meta-a": "x" * 8192}, "MetadataTooLarge"),
        ({"x-oss-tagging": "k=1&k=2"}, "InvalidTag"),
        ({"x-oss-storage-class": "Tape"}, "InvalidArgument"),
        ({"x-oss-object-acl": "public-read"}, "NotImplemented"),
    ],
)
def test_invalid_attributes_are_refused(headers: dict[str, str], code: str):
    with pytest.raises(OssError) as refused:
        parse_object_attributes(headers)
    assert refused.value.code == code
