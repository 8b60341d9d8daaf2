"""Rows and sums of a batch's report, on each database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, reports
from oss_audio_core.catalogue.schema import source
from tests.include.oss_audio_core.catalogue.conftest import DAY, Library

INVALID = {"code": "InvalidAudio", "message": "no audio", "retry_at": DAY}


def test_failures_of_a_batch_are_counted_wholly_and_shown_in_part(catalogue: Catalogue, library: Library) -> None:
    rows = [library.add(f"{name}.wav", state=State.FAILED, asked=INVALID) for name in "cba"]
    rows.append(library.add("d.wav", state=State.DEAD, asked={"attempt": 3}))
    rows.append(library.add("e.wav"))
    number = library.batch("nightly/1", rows)
    with catalogue.read() as connection:
        found = reports.failures_of_batch(connection, number, limit=2)
        none = reports.failures_of_batch(connection, number + 1, limit=2)
    assert (found.count, dict(found.reasons)) == (4, {"InvalidAudio": 3, "unknown": 1})
    assert [(one.key, one.code, one.given_up) for one in found.rows] == [
        ("c.wav", "InvalidAudio", False),
        ("b.wav", "InvalidAudio", False),
    ]
    assert (none.count, none.rows) == (0, [])


def test_a_source_counts_once_however_many_renditions_it_has(catalogue: Catalogue, library: Library) -> None:
    first = library.add("a.wav", size=100, source_size=1000, measured={"duration": 1.5})
    second = library.add("a.wav", "archive-flac", codec="flac", size=600, source_size=1000, measured={"duration": 1.5})
    failed = library.add("b.wav", state=State.FAILED, source_size=9000)
    number = library.batch("nightly/1", [first, second, failed])
    with catalogue.write() as connection:
        connection.execute(sa.update(source).values(duration=1.5))
        volume = reports.volume_of_batch(connection, number)
        empty = reports.volume_of_batch(connection, number + 1)
    assert volume == reports.Volume(seconds_in=1.5, seconds_out=3.0, bytes_in=1000, bytes_out=700, bytes_replaced=2000)
    assert empty == reports.Volume(0.0, 0.0, 0, 0, 0)


def test_the_newest_generation_is_a_row_with_its_rendition(catalogue: Catalogue, library: Library) -> None:
    library.add("a.wav", state=State.SUPERSEDED, asked={"newest": False})
    library.add("a.wav", size=250, source_size=1000, asked={"generation": 2}, measured={"bitrate": 128_000})
    library.add("b.wav", state=State.FAILED, asked={**INVALID, "attempt": 3})
    with catalogue.read() as connection:
        made, failed = reports.newest_rows(connection)
    assert (made.state, made.codec, made.bitrate, made.saved) == (State.PUBLISHED, "mp3", 128_000, 0.75)
    assert (failed.size, failed.saved, failed.given_up, failed.retry_at) == (None, None, True, None)


@pytest.mark.parametrize(
    ("selection", "keys"),
    [
        ({}, ["in/a.wav"]),
        ({"prefixes": ("",)}, ["a.wav", "in/a.wav"]),
        ({"prefixes": ("IN/",)}, []),
        ({"bucket": "another"}, []),
        ({"profiles": ("archive-flac",)}, ["in/a.wav"]),
        ({"profiles": ("voice-amr-nb",)}, []),
    ],
)
def test_known_failures_are_those_of_earlier_batches_within_the_selection(
    catalogue: Catalogue, library: Library, selection: dict[str, object], keys: list[str]
) -> None:
    for key, profile in (("in/a.wav", "mobile-mp3"), ("in/a.wav", "archive-flac"), ("a.wav", "mobile-mp3")):
        library.add(key, profile, state=State.FAILED, asked=INVALID)
    mine = library.add("in/mine.wav", state=State.FAILED, asked=INVALID)
    number = library.batch("nightly/2", [mine])
    wanted: dict[str, object] = {"bucket": "media", "prefixes": ("in/",), "profiles": ("mobile-mp3",), **selection}
    with catalogue.read() as connection:
        found = reports.known_failures(connection, number, limit=10, **wanted)  # type: ignore[arg-type]
    assert sorted(one.key for one in found.rows) == keys
    assert found.count == len(keys)
