"""Only what was verified ever stands at a final key, never an older generation over a newer one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import Profile
from oss_audio_core.catalogue import NoSuchBatch, State
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.schema import conversion, rendition
from oss_audio_core.oss.retry import TRIES
from oss_audio_core.pipeline import publishing
from oss_audio_core.pipeline.measures import Measures

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Proxy, Steps

Wav = Callable[..., bytes]


def renditions(steps: Steps) -> list[str]:
    with steps.catalogue.read() as connection:
        return list(connection.scalars(sa.select(rendition.c.key)))


def stands_as_entered(steps: Steps) -> bool:
    """Whether the one rendition of the catalogue is the object at its key."""
    with steps.catalogue.read() as connection:
        entered = connection.execute(sa.select(rendition)).one()
    there = steps.oss.bucket(entered.bucket).head_object(entered.key)
    return bool((there.etag, there.content_length) == (entered.etag, entered.size))


def final(steps: Steps) -> bytes:
    content: bytes = steps.get(f"renditions/mobile-mp3/{steps.prefix}a.mp3").read()
    return content


def to_verified(steps: Steps) -> int:
    batch = steps.to_converted("mobile-mp3")
    assert steps.verify(batch) == {"verified": 1}
    return batch


def test_a_generation_is_published_though_a_newer_one_is_planned_and_stands_until_that_one_is_there(
    steps: Steps, wav: Wav
) -> None:
    steps.put("a.wav", wav(0.3))
    assert steps.publish(to_verified(steps)) == {"published": 1}
    steps.put("a.wav", wav(0.4))
    second = to_verified(steps)
    steps.put("a.wav", wav(0.5))
    third = steps.plan("mobile-mp3")
    assert steps.publish(second) == {"published": 1}
    assert [one.state for one in steps.rows()] == [State.SUPERSEDED, State.PUBLISHED, State.PLANNED]
    assert stands_as_entered(steps)
    before = final(steps)

    steps.submit(third)
    steps.wait(third)
    steps.verify(third)
    assert final(steps) == before
    assert steps.publish(third) == {"published": 1}
    assert final(steps) != before
    assert [one.state for one in steps.rows()] == [State.SUPERSEDED, State.SUPERSEDED, State.PUBLISHED]
    assert renditions(steps) == [f"renditions/mobile-mp3/{steps.prefix}a.mp3"]
    assert stands_as_entered(steps)


def test_what_was_copied_is_entered_though_a_newer_generation_was_planned_during_the_copy(
    steps: Steps, wav: Wav, oss_proxy: Proxy
) -> None:
    steps.put("a.wav", wav(0.3))
    assert steps.publish(to_verified(steps)) == {"published": 1}
    steps.put("a.wav", wav(0.6))
    second = to_verified(steps)

    def meanwhile(answer: bytes) -> bytes:
        steps.put("a.wav", b"RIFF, and never anything else")
        steps.plan("mobile-mp3")
        return answer

    oss_proxy.spoil(b"x-oss-copy-source", meanwhile)
    assert steps.publish(second, endpoint=oss_proxy.address) == {"published": 1}
    assert [one.state for one in steps.rows()] == [State.SUPERSEDED, State.PUBLISHED, State.PLANNED]
    assert stands_as_entered(steps)


@pytest.mark.parametrize("newer_gets_through", [True, False])
def test_a_late_copy_of_an_older_generation_finds_nothing_to_copy(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch, oss_proxy: Proxy, newer_gets_through: bool
) -> None:
    import oss2

    steps.put("a.wav", wav(0.3))
    first = to_verified(steps)
    staged = steps.row().output_key or ""
    copy = publishing._Publisher._copy

    def stalled(publisher: Any, one: Conversion, measures: Measures) -> str:
        """The first publisher is past all its looks when it stalls; the second generation is made meanwhile."""
        monkeypatch.setattr(publishing._Publisher, "_copy", copy)
        steps.put("a.wav", wav(0.9))
        second = to_verified(steps)
        if newer_gets_through:
            assert steps.publish(second) == {"published": 1}
        else:
            oss_proxy.spoil(b"x-oss-copy-source", lambda _: b"", forward=False, times=TRIES)
            with pytest.raises(oss2.exceptions.RequestError):
                steps.publish(second, endpoint=oss_proxy.address)
        return copy(publisher, one, measures)

    monkeypatch.setattr(publishing._Publisher, "_copy", stalled)
    assert steps.publish(first) == {"superseded": 1}
    assert steps.keys(staged) == []
    if newer_gets_through:
        assert [one.state for one in steps.rows()] == [State.SUPERSEDED, State.PUBLISHED]
        assert stands_as_entered(steps)
    else:
        assert [one.state for one in steps.rows()] == [State.SUPERSEDED, State.VERIFIED]
        assert renditions(steps) == steps.keys(f"renditions/mobile-mp3/{steps.prefix}") == []


def take_over(steps: Steps, wav: Wav, how: str) -> int:
    """Another owner for the target of a.wav, as far as verified. Returns its batch."""
    successor = steps.profile
    if how == "another source":
        steps.oss.bucket(steps.bucket).delete_object(f"{steps.prefix}a.wav")
        steps.put("a.flac", wav(0.9))  # FFmpeg goes by what is in the file
    else:
        successor = replace(successor, name="renamed", convert=replace(successor.convert, ab=96000))
    return owned(steps, successor)


def owned(steps: Steps, profile: Profile) -> int:
    batch = steps.to_converted(profiles=[profile])
    assert steps.verify(batch, profile) == {"verified": 1}
    return batch


OTHERS = pytest.mark.parametrize("how", ["another source", "another profile"])


@OTHERS
@pytest.mark.parametrize("stalls", ["before its copy", "after its copy"])
def test_a_late_publisher_of_a_former_owner_changes_nothing(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch, how: str, stalls: str
) -> None:
    steps.put("a.wav", wav(0.3))
    first = owned(steps, steps.profile)
    copy = publishing._Publisher._copy

    def stalled(publisher: Any, one: Conversion, measures: Measures) -> str:
        monkeypatch.setattr(publishing._Publisher, "_copy", copy)
        etag = copy(publisher, one, measures) if stalls == "after its copy" else None
        assert steps.publish(take_over(steps, wav, how)) == {"published": 1}
        return etag or copy(publisher, one, measures)

    monkeypatch.setattr(publishing._Publisher, "_copy", stalled)
    assert steps.publish(first) == {"superseded": 1}
    assert [one.state for one in steps.rows()] == [State.SUPERSEDED, State.PUBLISHED]
    assert stands_as_entered(steps)


@OTHERS
def test_what_was_verified_is_published_though_its_target_has_another_owner(steps: Steps, wav: Wav, how: str) -> None:
    steps.put("a.wav", wav(0.3))
    first = owned(steps, steps.profile)
    second = take_over(steps, wav, how)
    assert steps.publish(first) == {"published": 1}
    assert [one.state for one in steps.rows()] == [State.PUBLISHED, State.VERIFIED]
    assert stands_as_entered(steps)
    assert steps.publish(second) == {"published": 1}
    assert [one.state for one in steps.rows()] == [State.SUPERSEDED, State.PUBLISHED]
    assert stands_as_entered(steps)


@OTHERS
def test_a_former_owner_is_not_published_over_the_present_one(
    steps: Steps, wav: Wav, oss_proxy: Proxy, how: str
) -> None:
    steps.put("a.wav", wav(0.3))
    first = owned(steps, steps.profile)
    staged = steps.row().output_key
    assert steps.publish(take_over(steps, wav, how)) == {"published": 1}
    with steps.catalogue.write() as connection:
        former = sa.update(conversion).where(conversion.c.state == State.VERIFIED.value)
        assert connection.execute(former.values(output_key=staged)).rowcount == 1
    assert steps.publish(first, endpoint=oss_proxy.address) == {"superseded": 1}
    assert not any(one.startswith("PUT ") for one in oss_proxy.requests)
    assert stands_as_entered(steps)


@pytest.mark.parametrize("its_staged_object_is_known", [True, False])
def test_an_older_generation_is_not_copied_over_a_newer_one(
    steps: Steps, wav: Wav, oss_proxy: Proxy, its_staged_object_is_known: bool
) -> None:
    steps.put("a.wav", wav(0.3))
    first = to_verified(steps)
    staged = steps.row().output_key
    steps.put("a.wav", wav(0.6))
    assert steps.publish(to_verified(steps)) == {"published": 1}
    assert [(one.state, one.output_key) for one in steps.rows(first)] == [(State.VERIFIED, None)]
    if its_staged_object_is_known:
        with steps.catalogue.write() as connection:
            connection.execute(sa.update(conversion).where(conversion.c.generation == 1).values(output_key=staged))
    assert steps.publish(first, endpoint=oss_proxy.address) == {"superseded": 1}
    assert not any(one.startswith("PUT ") for one in oss_proxy.requests)
    assert stands_as_entered(steps)


def test_a_staged_output_that_changed_after_verification_is_not_published(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = to_verified(steps)
    steps.oss.bucket(steps.bucket).put_object(steps.row().output_key, b"something else")
    assert steps.publish(batch) == {"quarantined": 1}
    assert (steps.row().state, steps.row().code) == (State.QUARANTINED, "OutputChanged")
    assert steps.keys(f"renditions/mobile-mp3/{steps.prefix}") == []


def test_a_staged_output_that_is_gone_after_verification_is_quarantined(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = to_verified(steps)
    steps.oss.bucket(steps.bucket).delete_object(steps.row().output_key)
    assert steps.publish(batch) == {"quarantined": 1}
    assert "is gone or changed" in (steps.row().message or "")


def to_verified_in_place(steps: Steps) -> int:
    in_place = replace(steps.profile, name="in-place", publish="direct")
    batch = steps.to_converted(profiles=[in_place])
    assert steps.verify(batch) == {"verified": 1}
    return batch


def test_what_was_written_to_its_final_key_at_once_is_entered_and_stays(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    assert steps.publish(to_verified_in_place(steps)) == {"published": 1}
    assert stands_as_entered(steps)
    assert steps.row().output_key == steps.row().target_key
    # Neither does the next generation take it for a staged object of the one before.
    steps.put("a.wav", wav(0.6))
    assert steps.publish(to_verified_in_place(steps)) == {"published": 1}
    assert stands_as_entered(steps)


@pytest.mark.parametrize("removed", [True, False])
def test_what_changed_at_its_final_key_since_it_was_verified_is_not_entered(
    steps: Steps, wav: Wav, removed: bool
) -> None:
    steps.put("a.wav", wav())
    batch = to_verified_in_place(steps)
    there = steps.oss.bucket(steps.bucket)
    if removed:
        there.delete_object(steps.row().target_key)
    else:
        there.put_object(steps.row().target_key, b"a late task of an older generation")
    assert steps.publish(batch) == {"quarantined": 1}
    assert (steps.row().code, renditions(steps)) == ("OutputChanged", [])


def test_an_object_that_oss_refuses_to_copy_is_a_row_with_the_reason(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav())
    batch = steps.to_converted("mobile-mp3")
    steps.verify(batch)
    oss_proxy.refuse(b"x-oss-copy-source", "400 Bad Request", "EntityTooLarge", "too large")
    assert steps.publish(batch, endpoint=oss_proxy.address) == {"published": 1, "quarantined": 1}
    (bad,) = [one for one in steps.rows() if one.state is State.QUARANTINED]
    assert (bad.code, bad.message) == (
        "EntityTooLarge",
        f"OSS refuses to publish oss://{steps.bucket}/{bad.output_key}: too large",
    )


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("403 Forbidden", "AccessDenied"),
        ("403 Forbidden", "InvalidAccessKeyId"),
        ("404 Not Found", "NoSuchBucket"),
        ("429 Too Many Requests", "TooManyRequests"),
        ("503 Service Unavailable", "ServiceUnavailable"),
    ],
)
def test_a_refusal_that_every_object_would_meet_fails_the_step_and_judges_nothing(
    steps: Steps, wav: Wav, oss_proxy: Proxy, status: str, code: str
) -> None:
    import oss2

    steps.put("a.wav", wav())
    batch = to_verified(steps)
    oss_proxy.refuse(b"x-oss-copy-source", status, code, times=TRIES)
    with pytest.raises(oss2.exceptions.ServerError):
        steps.publish(batch, endpoint=oss_proxy.address)
    assert steps.row().state is State.VERIFIED
    assert steps.publish(batch) == {"published": 1}


def test_a_catalogue_that_was_replaced_since_the_run_began(steps: Steps) -> None:
    for step in (steps.verify, steps.publish):
        with pytest.raises(NoSuchBatch, match="was it replaced since the run began"):
            step(7)


def test_a_rendition_to_another_bucket(steps: Steps, wav: Wav) -> None:
    steps.oss.bucket("pipeline-elsewhere").create_bucket()
    steps.put("a.wav", wav())
    elsewhere = replace(steps.profile, target_bucket="pipeline-elsewhere")
    batch = steps.to_converted(profiles=[elsewhere])
    assert steps.row().output_bucket == "pipeline-elsewhere"
    steps.verify(batch)
    assert steps.publish(batch) == {"published": 1}
    there = steps.oss.bucket("pipeline-elsewhere").list_objects_v2().object_list
    assert [one.key for one in there] == [f"out/{steps.prefix}a.mp3"]


def test_a_source_that_took_the_place_of_another_replaces_its_rendition(steps: Steps, wav: Wav) -> None:
    for name in ("a.wav", "a.flac"):  # FFmpeg goes by what is in the file
        steps.put(name, wav())
        batch = steps.to_converted()
        steps.verify(batch)
        assert steps.publish(batch) == {"published": 1}
        steps.oss.bucket(steps.bucket).delete_object(steps.prefix + name)
    assert {row.key.rpartition(".")[2]: row.state for row in steps.rows()} == {
        "wav": State.SUPERSEDED,
        "flac": State.PUBLISHED,
    }
    with steps.catalogue.read() as connection:
        (entered,) = connection.execute(sa.select(rendition)).all()
    assert steps.get(entered.key).etag.strip('"') == entered.etag


def test_interrupted_publishing_resumes(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    import oss2

    for name in ("a.wav", "b.wav"):
        steps.put(name, wav())
    batch = steps.to_converted("mobile-mp3")
    steps.verify(batch)
    # The copy was made and its answer lost, each time; the other one is published all the same.
    unlucky = quote(steps.rows()[0].target_key, safe="").encode()
    oss_proxy.spoil(b"PUT /" + steps.bucket.encode() + b"/" + unlucky, lambda _: b"", times=TRIES)
    with pytest.raises(oss2.exceptions.RequestError):
        steps.publish(batch, endpoint=oss_proxy.address)
    assert sorted(one.state for one in steps.rows()) == [State.PUBLISHED, State.VERIFIED]
    assert steps.publish(batch) == {"published": 1}
    assert len(renditions(steps)) == 2


def test_staging_that_could_not_be_cleared_is_cleared_by_the_next_try(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    import oss2

    steps.put("a.wav", wav())
    batch = to_verified(steps)
    staged = steps.row().output_key
    assert staged is not None
    oss_proxy.spoil(b"POST ", lambda _: b"", forward=False, times=TRIES)
    with pytest.raises(oss2.exceptions.RequestError):
        steps.publish(batch, endpoint=oss_proxy.address)
    assert (steps.row().state, steps.row().output_key) == (State.PUBLISHED, staged)
    assert steps.keys(staged) == [staged]
    assert steps.publish(batch) == {}
    assert steps.keys(staged) == []


def test_what_was_superseded_or_has_died_leaves_nothing_at_its_staging_key(steps: Steps, wav: Wav) -> None:
    for name in ("changed.wav", "dead.wav", "quarantined.wav"):
        steps.put(name, wav())
    batch = steps.to_converted("mobile-mp3")
    staged = {one.key.removeprefix(steps.prefix): one.output_key or "" for one in steps.rows()}
    steps.put("changed.wav", wav(0.4))
    for name in ("dead.wav", "quarantined.wav"):
        steps.oss.bucket(steps.bucket).put_object(staged[name], b"garbage")
    assert steps.verify(batch) == {"superseded": 1, "quarantined": 2}
    with steps.catalogue.write() as connection:
        dead = sa.update(conversion).where(conversion.c.output_key == staged["dead.wav"])
        connection.execute(dead.values(state=State.DEAD.value))
    assert steps.publish(batch) == {}
    assert {name: bool(steps.keys(key)) for name, key in staged.items()} == {
        "changed.wav": False,
        "dead.wav": False,
        "quarantined.wav": True,
    }


def test_clearing_staging_leaves_sources_and_final_keys_alone(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    first = to_verified_in_place(steps)
    assert steps.publish(first) == {"published": 1}
    steps.put("a.wav", wav(0.6))
    second = to_verified_in_place(steps)
    assert steps.publish(second) == {"published": 1}
    for batch in (first, second):
        steps.publish(batch)
    assert [one.state for one in steps.rows()] == [State.SUPERSEDED, State.PUBLISHED]
    assert steps.keys(steps.prefix) == [f"{steps.prefix}a.wav"]
    assert stands_as_entered(steps)


def test_a_publisher_that_was_overtaken_changes_nothing(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    steps.put("a.wav", wav())
    batch = to_verified(steps)

    def overtaken(answer: bytes) -> bytes:
        assert steps.publish(batch) == {"published": 1}
        return answer

    # Its copy is made, and while it waits for the answer another publisher does it all.
    oss_proxy.spoil(b"x-oss-copy-source", overtaken)
    assert steps.publish(batch, endpoint=oss_proxy.address) == {"published": 1}
    assert (steps.row().state, len(renditions(steps))) == (State.PUBLISHED, 1)


def test_two_publishers_at_once_enter_one_rendition(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = to_verified(steps)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: steps.publish(batch), range(2)))
    assert {"published": 1} in outcomes
    assert all(set(outcome) <= {"published"} for outcome in outcomes)
    assert (steps.row().state, len(renditions(steps))) == (State.PUBLISHED, 1)
    assert steps.keys(f"renditions/mobile-mp3/{steps.prefix}") == renditions(steps)
