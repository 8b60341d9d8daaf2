"""What an object's record says of its ETag and of an archived object."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from oss_local_cloud.interfaces import ARCHIVED, ObjectInfo

NOW = datetime(2024, 1, 2, tzinfo=UTC)
OBJECT = ObjectInfo("b", "k", "ABC", 1, NOW, "", 0, "/file", {}, {})


def test_only_an_object_of_one_piece_has_the_md5_as_its_etag() -> None:
    assert OBJECT.has_md5_etag
    assert not OBJECT._replace(etag="ABC-2").has_md5_etag
    assert not OBJECT._replace(object_type="Appendable").has_md5_etag


@pytest.mark.parametrize("storage_class", sorted(ARCHIVED))
def test_an_archived_object_is_readable_while_it_is_restored(storage_class: str) -> None:
    archived = OBJECT._replace(storage_class=storage_class)
    assert archived.is_frozen(NOW)
    restored = archived._replace(restored_from=NOW, restored_until=NOW + timedelta(days=1))
    assert not restored.is_frozen(NOW)
    assert restored.is_frozen(NOW - timedelta(seconds=1))
    assert restored.is_frozen(NOW + timedelta(days=1))
    assert not OBJECT.is_frozen(NOW)
