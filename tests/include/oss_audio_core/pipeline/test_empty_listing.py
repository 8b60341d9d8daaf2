"""A listing without a source: a wrong prefix is refused, a quiet night is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from oss_audio_core.catalogue import Catalogue, batches
from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.empty_listing import EmptyListing, check_not_empty

REQUEST = BatchRequest(bucket="media", prefixes=("in/",), profiles=("mobile-mp3",))


def begin(catalogue: Catalogue, name: str, request: BatchRequest = REQUEST, *, listed: int = 0) -> int:
    with catalogue.write() as connection:
        batch = batches.open_batch(connection, name, request.to_json()).id
        batches.end_listing(connection, batch, listed=listed, passed_over={})
    return batch


def test_a_prefix_that_matches_nothing_is_refused_with_the_remedy(catalogue: Catalogue) -> None:
    batch = begin(catalogue, "night/1")
    with pytest.raises(EmptyListing, match=r"^there is no object below oss://media/in/\. Check bucket and prefix\. If"):
        check_not_empty(catalogue, batch, REQUEST, 0, {})
    begin(catalogue, "night/0", listed=12)
    later = begin(catalogue, "night/2")
    with pytest.raises(EmptyListing, match=r"Batch 'night/0' took 12 sources there\. Check"):
        check_not_empty(catalogue, later, REQUEST, 0, {})


def test_nothing_where_earlier_batches_took_sources_is_refused_with_the_reasons(catalogue: Catalogue) -> None:
    first = begin(catalogue, "night/1")
    check_not_empty(catalogue, first, REQUEST, 0, {"not audio by its name": 3})
    begin(catalogue, "night/2", listed=7)
    batch = begin(catalogue, "night/3")
    with pytest.raises(EmptyListing, match=r"\(3 excluded\), and batch 'night/2' took 7 sources there\. Check prefix"):
        check_not_empty(catalogue, batch, REQUEST, 0, {"excluded": 3})
    elsewhere = BatchRequest(bucket="media", prefixes=("other/",), profiles=("mobile-mp3",))
    check_not_empty(catalogue, begin(catalogue, "night/4", elsewhere), elsewhere, 0, {"excluded": 3})


@pytest.mark.parametrize(
    "reason", ["older than the interval", "smaller than min_size", "archived", "archived, being restored"]
)
def test_a_quiet_night_is_none_of_these(catalogue: Catalogue, reason: str) -> None:
    begin(catalogue, "night/1", listed=7)
    batch = begin(catalogue, "night/2")
    check_not_empty(catalogue, batch, REQUEST, 0, {reason: 1, "excluded": 3})
    check_not_empty(catalogue, batch, REQUEST, 1, {})


def test_the_reasons_of_a_quiet_night_are_those_of_the_selection() -> None:
    limits = BatchRequest(
        bucket="media",
        min_size=10,
        max_size=20,
        modified_from=datetime(2026, 1, 1, tzinfo=UTC),
        modified_before=datetime(2026, 1, 2, tzinfo=UTC),
    ).selection()
    from oss_audio_core.pipeline.empty_listing import QUIET

    found = {
        limits.reason_against_object("a.wav", size, datetime(2026, 1, day, tzinfo=UTC))
        for size, day in ((1, 1), (30, 1), (15, 3))
    }
    found.add(limits.reason_against_object("a.wav", 15, datetime(2025, 12, 31, tzinfo=UTC)))
    assert found == QUIET - {"archived", "archived, being restored", "archived, restoring was asked for"}
