"""Pages of a bucket's keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.staged_content import StagedContent

TEXT = ObjectAttributes("text/plain")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalObjectStore]:
    opened = LocalObjectStore(tmp_path / "data", clock=lambda: 1_700_000_000.9)
    opened.create_bucket("music")
    yield opened
    opened.close()


def staged(store: LocalObjectStore, content: bytes) -> StagedContent:
    taken = store.stage()
    taken.write(content)
    return taken


def put(store: LocalObjectStore, key: str, content: bytes = b"x", **settings: bool) -> None:
    store.put("music", key, staged(store, content), TEXT, **settings)


KEYS = st.lists(st.text(alphabet="ab/中\U0001f3b5", min_size=1, max_size=6), unique=True, max_size=25)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=KEYS,
    prefix=st.text(alphabet="ab/中", max_size=2),
    delimiter=st.sampled_from(["", "/", "a/", "中"]),
    limit=st.integers(1, 4),
)
def test_pages_together_are_the_whole_listing_in_byte_order(
    store: LocalObjectStore, keys: list[str], prefix: str, delimiter: str, limit: int
):
    existing = store.list("music", prefix="", delimiter="", after="", limit=1000)
    store.delete("music", [entry.key for entry in existing.objects])
    for key in keys:
        put(store, key)
    listed: list[str] = []
    after: str | None = ""
    while after is not None:
        page = store.list("music", prefix=prefix, delimiter=delimiter, after=after, limit=limit)
        entries = [entry.key for entry in page.objects] + page.common_prefixes
        assert len(entries) <= limit
        listed += sorted(entries, key=str.encode)
        after = page.next_after
        assert after is None or after == listed[-1]
    assert listed == expected_listing(keys, prefix, delimiter)


def expected_listing(keys: list[str], prefix: str, delimiter: str) -> list[str]:
    entries = set()
    for key in keys:
        if key.startswith(prefix):
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            entries.add(key if at < 0 else key[: at + len(delimiter)])
    return sorted(entries, key=str.encode)
