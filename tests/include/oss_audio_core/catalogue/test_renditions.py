"""Publishing in the catalogue: one row for a final key, and what it replaces, on each database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, renditions
from oss_audio_core.catalogue.conversions import fetch
from oss_audio_core.catalogue.schema import conversion, rendition
from tests.include.oss_audio_core.catalogue.conftest import DAY, Library

KEY = "renditions/mobile-mp3/a.wav.mp3"


def publish(catalogue: Catalogue, row: int, **values: Any) -> set[str] | None:
    with catalogue.write() as connection:
        (one,) = fetch(connection, conversion.c.id == row)
        made = {
            "bucket": one.target_bucket,
            "key": one.target_key,
            "conversion_id": row,
            "source_id": one.source_id,
            "source_bucket": one.bucket,
            "source_key": one.key,
            "profile": one.profile,
            "codec": "mp3",
            "sample_rate": 44100,
            "channels": 2,
            "duration": 1.5,
            "size": 9,
            "etag": f"R{row}",
            "published_at": DAY,
            **values,
        }
        return renditions.publish(connection, one, made)


def states(catalogue: Catalogue) -> list[State]:
    with catalogue.read() as connection:
        return [State(one) for one in connection.scalars(sa.select(conversion.c.state).order_by(conversion.c.id))]


def published(catalogue: Catalogue) -> list[tuple[str, int]]:
    with catalogue.read() as connection:
        rows = connection.execute(sa.select(rendition.c.key, rendition.c.conversion_id).order_by(rendition.c.key))
        return [(row.key, row.conversion_id) for row in rows]


def test_a_newer_generation_replaces_the_row_and_returns_its_sidecars(catalogue: Catalogue, library: Library) -> None:
    waveform = "oss://media/renditions/a.json"
    old = library.add("a.wav", asked={"newest": False}, measured={"waveform_uri": waveform})
    new = library.add("a.wav", state=State.VERIFIED, etag="S2", asked={"generation": 2})
    with catalogue.read() as connection:
        assert renditions.sidecar_uris(connection, "media", [KEY, "another"]) == {waveform}
        assert renditions.sidecar_uris(connection, "elsewhere", [KEY]) == set()
    assert publish(catalogue, new) == {waveform}
    assert states(catalogue) == [State.SUPERSEDED, State.PUBLISHED]
    assert published(catalogue) == [(KEY, new)]
    with catalogue.read() as connection:
        older, newer = (fetch(connection, conversion.c.id == row)[0] for row in (old, new))
        assert (renditions.is_replaced(connection, older), renditions.is_replaced(connection, newer)) == (True, False)


def test_a_conversion_that_is_not_verified_publishes_nothing(catalogue: Catalogue, library: Library) -> None:
    for state in (State.CONVERTED, State.QUARANTINED, State.CANCELLED):
        row = library.add(f"{state}.wav", state=state)
        assert publish(catalogue, row) is None
    assert published(catalogue) == []


def test_a_generation_that_is_published_stays_when_an_older_one_is_verified_late(
    catalogue: Catalogue, library: Library
) -> None:
    old = library.add("a.wav", state=State.VERIFIED, asked={"newest": False})
    new = library.add("a.wav", etag="S2", asked={"generation": 2})
    with catalogue.read() as connection:
        assert renditions.is_replaced(connection, fetch(connection, conversion.c.id == old)[0])
    assert publish(catalogue, old) is None
    assert published(catalogue) == [(KEY, new)]


def test_a_new_owner_of_a_key_replaces_the_row_of_the_former_one(catalogue: Catalogue, library: Library) -> None:
    library.add("a.flac", asked={"target_key": KEY, "newest": False}, measured={"key": KEY})
    new = library.add("a.wav", state=State.VERIFIED, asked={"target_key": KEY})
    other = library.add("b.wav")
    assert publish(catalogue, new) == set()
    assert states(catalogue) == [State.SUPERSEDED, State.PUBLISHED, State.PUBLISHED]
    assert published(catalogue) == [(KEY, new), ("renditions/mobile-mp3/b.wav.mp3", other)]
