"""An object is the catalogue's own by key and ETag, never by its key alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, own_objects
from oss_audio_core.catalogue.own_objects import OwnReason
from oss_audio_core.catalogue.schema import own_object, rendition

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library


def known(catalogue: Catalogue, **etags: str) -> set[str]:
    with catalogue.read() as connection:
        return own_objects.known_keys(connection, "media", etags)


def test_a_rendition_is_known_by_key_and_etag(catalogue: Catalogue, library: Library) -> None:
    library.add("a.wav")
    with catalogue.read() as connection:
        row = connection.execute(sa.select(rendition)).one()
    assert known(catalogue, **{row.key: row.etag, "another": row.etag}) == {row.key}
    assert known(catalogue, **{row.key: "replaced"}) == set()


@pytest.mark.parametrize("reason", list(OwnReason))
def test_what_is_recorded_is_known_until_something_is_published_over_it(
    catalogue: Catalogue, reason: OwnReason
) -> None:
    with catalogue.write() as connection:
        own_objects.record(connection, "media", {"a.mp3": "E1", "b.mp3": "E1"}, reason)
    assert known(catalogue, **{"a.mp3": "E1", "b.mp3": "E2"}) == {"a.mp3"}
    with catalogue.write() as connection:
        own_objects.use(connection, "media", "a.mp3")
    assert known(catalogue, **{"a.mp3": "E1", "b.mp3": "E1"}) == {"b.mp3"}


def test_a_take_over_stays_on_record_and_can_be_made_again(catalogue: Catalogue) -> None:
    for _ in range(2):
        with catalogue.write() as connection:
            own_objects.record(connection, "media", {"a.mp3": "E1"}, OwnReason.TAKEN_OVER)
        assert known(catalogue, **{"a.mp3": "E1"}) == {"a.mp3"}
        with catalogue.write() as connection:
            own_objects.use(connection, "media", "a.mp3")
        with catalogue.read() as connection:
            row = connection.execute(sa.select(own_object)).one()
        assert row.used_at >= row.recorded_at


def test_sources_and_targets_are_found_by_bucket_and_key(catalogue: Catalogue, library: Library) -> None:
    library.add("a.wav", etag="S1")
    library.add("b.wav", state=State.SKIPPED)
    targets = [f"renditions/mobile-mp3/{name}.wav.mp3" for name in "ab"]
    with catalogue.read() as connection:
        assert own_objects.source_keys(connection, "media", {"a.wav": "S1", "b.wav": "S2"}) == {"a.wav"}
        assert own_objects.source_keys(connection, "elsewhere", {"a.wav": "S1"}) == set()
        assert own_objects.contested_keys(connection, "media", targets) == {targets[0]}
        assert own_objects.contested_keys(connection, "elsewhere", targets) == set()
        assert own_objects.explains(connection, "media", targets[0], "S1")
        for bucket, key, etag in (
            ("media", targets[1], "S1"),
            ("elsewhere", targets[0], "S1"),
            ("media", targets[0], "S2"),
        ):
            assert not own_objects.explains(connection, bucket, key, etag)


def test_a_verified_output_is_known_at_its_target(catalogue: Catalogue, library: Library) -> None:
    library.add("a.wav", state=State.SUPERSEDED, asked={"output_etag": "V1"})
    target = "renditions/mobile-mp3/a.wav.mp3"
    assert known(catalogue, **{target: "V1", "a.wav": "V1"}) == {target}
    assert known(catalogue, **{target: "V2"}) == set()
