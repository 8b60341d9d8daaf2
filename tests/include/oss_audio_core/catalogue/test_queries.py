"""Questions after a night: reasons, failures, savings and missing renditions, on each database."""

from __future__ import annotations

from datetime import timedelta

from oss_audio_core.catalogue import Catalogue, State, queries
from tests.include.oss_audio_core.catalogue.conftest import DAY, Library

HOUR = timedelta(hours=1)


def failed(library: Library, key: str, code: str | None, *, hours: int, state: State = State.FAILED) -> int:
    return library.add(key, state=state, at=DAY + hours * HOUR, asked={"code": code, "message": f"of {key}"})


def test_reasons_are_counted_and_show_the_latest(catalogue: Catalogue, library: Library) -> None:
    failed(library, "a.wav", "InvalidAudio", hours=1)
    failed(library, "b.wav", "InvalidAudio", hours=3, state=State.QUARANTINED)
    failed(library, "c.wav", None, hours=2, state=State.DEAD)
    library.add("d.wav")
    with catalogue.read() as connection:
        every = queries.reasons(connection)
        late = queries.reasons(connection, since=DAY + 3 * HOUR)
    assert [(one.code, one.count, one.key, one.message) for one in every] == [
        ("InvalidAudio", 2, "b.wav", "of b.wav"),
        ("unknown", 1, "c.wav", "of c.wav"),
    ]
    assert [(one.code, one.count) for one in late] == [("InvalidAudio", 1)]


def test_failures_are_listed_latest_first_and_by_code(catalogue: Catalogue, library: Library) -> None:
    failed(library, "a.wav", "InvalidAudio", hours=1)
    failed(library, "b.wav", None, hours=2)
    library.add("c.wav", asked={"newest": False}, state=State.SUPERSEDED)
    with catalogue.read() as connection:
        assert [one.key for one in queries.failures(connection)] == ["b.wav", "a.wav"]
        assert [one.key for one in queries.failures(connection, limit=1)] == ["b.wav"]
        assert [one.key for one in queries.failures(connection, code="unknown")] == ["b.wav"]
        assert queries.failures(connection, code="Invalid") == []


def test_savings_are_summed_by_profile_within_the_times(catalogue: Catalogue, library: Library) -> None:
    library.add("a.wav", size=250, source_size=1000, at=DAY)
    library.add("b.wav", size=350, source_size=1000, at=DAY + HOUR)
    library.add("a.wav", "archive-flac", codec="flac", size=1200, source_size=1000, at=DAY)
    with catalogue.read() as connection:
        flac, mp3 = queries.savings(connection)
        (early,) = [one for one in queries.savings(connection, until=DAY + HOUR) if one.profile == "mobile-mp3"]
        assert queries.savings(connection, since=DAY + 2 * HOUR) == []
    assert (mp3.profile, mp3.renditions, mp3.saved, mp3.share) == ("mobile-mp3", 2, 1400, 0.7)
    assert (flac.saved, flac.share) == (-200, -0.2)
    assert early.renditions == 1
    assert queries.Saving("empty", 1, 0, 10).share is None


def test_a_missing_rendition_has_the_reason_of_its_newest_conversion(catalogue: Catalogue, library: Library) -> None:
    library.add("in/a.wav")
    failed(library, "in/b.wav", "InvalidAudio", hours=1)
    library.add("in/c.wav", "archive-flac", codec="flac")
    library.add("out/d.wav", "archive-flac", codec="flac")
    with catalogue.read() as connection:
        found = queries.missing(connection, profile="mobile-mp3", prefix="in/")
        assert [(one.key, one.state, one.code) for one in found] == [
            ("in/b.wav", "failed", "InvalidAudio"),
            ("in/c.wav", None, None),
        ]
        by_codec = queries.missing(connection, codecs=("flac", "aac"))
        assert [one.key for one in by_codec] == ["in/a.wav", "in/b.wav"]
        assert queries.missing(connection, profile="mobile-mp3", bucket="another") == []
        assert len(queries.missing(connection, profile="mobile-mp3", limit=1)) == 1
        # A prefix is compared by case, on SQLite too.
        assert queries.missing(connection, profile="mobile-mp3", prefix="IN/") == []
        assert (queries.is_profile(connection, "mobile-mp3"), queries.is_profile(connection, "mp3")) == (True, False)
