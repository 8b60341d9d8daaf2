"""Conversion between rows and `ObjectInfo`."""

from __future__ import annotations

from oss_local_cloud.store.object_rows import ObjectAttributes, StoredContent, object_info, row_values


def test_a_row_gives_back_content_and_attributes():
    attributes = ObjectAttributes("audio/wav", {"expires": "0"}, {"a": "中"}, {"k": "v"}, "IA", "private")
    content = StoredContent(5, "E" * 32, (1 << 64) - 1, "Normal", "000001-000000/00000000")
    info = object_info("music", "x", row_values(content, attributes, 1_700_000_000), "/data/blobs")
    assert (info.size, info.etag, info.crc64, info.object_type) == (5, "E" * 32, (1 << 64) - 1, "Normal")
    assert (info.content_type, info.headers, info.metadata) == ("audio/wav", {"expires": "0"}, {"a": "中"})
    assert (info.tags, info.storage_class, info.acl) == ({"k": "v"}, "IA", "private")
    assert info.file == "/data/blobs/000001-000000/00000000"
    assert info.last_modified.isoformat() == "2023-11-14T22:13:20+00:00"
