"""Pages of a bucket's keys."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oss_local_cloud.store.object_store import LocalObjectStore
from tests.include.oss_local_cloud.store.stored_content import put

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
