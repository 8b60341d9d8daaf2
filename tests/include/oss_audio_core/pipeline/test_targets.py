"""A final key belongs to a source as long as its object exists, whether or not a run lists it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import load_profiles
from oss_audio_core.catalogue import Catalogue, State, batches, open_catalogue, schema
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.catalogue.database import now
from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.retry import TRIES
from oss_audio_core.pipeline.batch_request import BatchRequest, RequestError
from oss_audio_core.pipeline.candidates import LEFT_BEHIND
from oss_audio_core.pipeline.decisions import Plan
from oss_audio_core.pipeline.listing import list_sources
from oss_audio_core.pipeline.plan_options import PlanOptions
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.selection import Selection
from oss_audio_core.pipeline.single_conversion import plan_single
from oss_audio_core.pipeline.source_existence import SourceExistence
from tests.include.oss_audio_core.pipeline.conftest import LISTED_AT

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Proxy, Steps

Limits = Callable[["Steps"], dict[str, Any]]
OLDER, NEWER = b"older", b"newer and longer"


@pytest.fixture
def catalogue(catalogue_url: sa.URL) -> Iterator[Catalogue]:
    """On each database: what is planned twice is rolled back in between."""
    opened = open_catalogue(catalogue_url)
    yield opened
    opened.close()


def night(
    steps: Steps, *, oss: OssSettings | None = None, asks: bool = True, dry_run: bool = False, **limits: Any
) -> Plan:
    selection = Selection(steps.bucket, (steps.prefix,), **limits)
    with steps.catalogue.write() as connection:
        batch = batches.open_batch(connection, f"{steps.prefix}{next(steps.numbers)}", {})
    list_sources(steps.catalogue, steps.oss.bucket(steps.bucket), selection, batch.id)
    oss = (oss or steps.oss) if asks else None
    return plan_batch(steps.catalogue, selection, [steps.profile], batch.id, PlanOptions(dry_run=dry_run), oss=oss)


def put_published(steps: Steps) -> None:
    """a.wav, which has a rendition."""
    steps.put("a.wav", OLDER)
    assert night(steps).decisions == {"new": 1}
    steps.change(state=State.PUBLISHED.value)


def written(steps: Steps, name: str) -> datetime:
    there = steps.oss.bucket(steps.bucket).head_object(steps.prefix + name)
    return datetime.fromtimestamp(there.last_modified, UTC)


def by_interval(steps: Steps) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while written(steps, "a.flac") == written(steps, "a.wav"):
        assert time.monotonic() < deadline
        steps.put("a.flac", NEWER)
    return {"modified_from": written(steps, "a.flac")}


def by_size(_: Steps) -> dict[str, Any]:
    return {"min_size": len(NEWER)}


def by_pattern(_: Steps) -> dict[str, Any]:
    return {"include": ("*.flac",)}


def archived(steps: Steps) -> dict[str, Any]:
    steps.oss.bucket(steps.bucket).put_object(f"{steps.prefix}a.wav", OLDER, headers={"x-oss-storage-class": "Archive"})
    return {}


def not_at_all(_: Steps) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("leave_out", [by_interval, by_size, by_pattern, archived])
def test_what_a_run_leaves_out_keeps_its_target(steps: Steps, leave_out: Limits) -> None:
    put_published(steps)
    steps.put("a.flac", NEWER)
    limits = leave_out(steps)
    assert night(steps, **limits).decisions == {"target of another": 1}
    assert [(one.key, one.newest, one.state) for one in steps.rows()] == [
        (f"{steps.prefix}a.wav", True, State.PUBLISHED),
        (f"{steps.prefix}a.flac", True, State.SKIPPED),
    ]
    reason = steps.rows()[1].message or ""
    assert f"'{steps.prefix}a.wav' and '{steps.prefix}a.flac' would both become" in reason


@pytest.mark.parametrize("leave_out", [by_interval, by_size, by_pattern, not_at_all])
@pytest.mark.parametrize("dry_run", [True, False])
def test_what_is_gone_gives_its_target_up(steps: Steps, leave_out: Limits, dry_run: bool) -> None:
    put_published(steps)
    steps.put("a.flac", NEWER)
    limits = leave_out(steps)
    steps.oss.bucket(steps.bucket).delete_object(f"{steps.prefix}a.wav")
    assert night(steps, dry_run=dry_run, **limits).decisions == {"new": 1}
    assert [(one.key.rpartition(".")[2], one.newest) for one in steps.rows()] == (
        [("wav", True)] if dry_run else [("wav", False), ("flac", True)]
    )


def test_without_a_connection_an_unlisted_source_counts_as_existing(steps: Steps) -> None:
    put_published(steps)
    steps.oss.bucket(steps.bucket).delete_object(f"{steps.prefix}a.wav")
    steps.put("a.flac", NEWER)
    assert night(steps, asks=False).decisions == {"target of another": 1}


def test_no_answer_decides_nothing_and_keeps_the_listing(steps: Steps, oss_proxy: Proxy) -> None:
    import oss2

    put_published(steps)
    steps.oss.bucket(steps.bucket).delete_object(f"{steps.prefix}a.wav")
    steps.put("a.flac", NEWER)
    through_proxy = replace(steps.oss, endpoint=oss_proxy.address)
    oss_proxy.refuse(b"HEAD ", "503 Service Unavailable", "ServiceUnavailable", times=TRIES)
    with pytest.raises(oss2.exceptions.OssError):
        night(steps, oss=through_proxy)
    with steps.catalogue.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.conversion)) == 1
        (batch,) = connection.scalars(sa.select(schema.batch.c.id).where(schema.batch.c.planned_at.is_(None)))
    selection = Selection(steps.bucket, (steps.prefix,))
    plan = plan_batch(steps.catalogue, selection, [steps.profile], batch, oss=through_proxy)
    assert plan.decisions == {"new": 1}


def test_an_owner_that_appears_after_the_look_keeps_its_target_and_the_others_go_on(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_published(steps)
    for name in ("a.flac", "b.flac"):
        steps.put(name, NEWER)
    steps.oss.bucket(steps.bucket).delete_object(f"{steps.prefix}a.wav")
    ask = SourceExistence.ask

    def ask_while_another_run_plans(existence: SourceExistence, keys: Iterable[str]) -> None:
        assert list(keys) == [f"{steps.prefix}a.wav"]
        ask(existence, keys)
        steps.put("b.wav", OLDER)
        monkeypatch.undo()
        assert night(steps, include=("*/b.wav",)).decisions == {"new": 1}

    monkeypatch.setattr(SourceExistence, "ask", ask_while_another_run_plans)
    assert night(steps, include=("*.flac",)).decisions == {"new": 1, "target's owner not known": 1}
    newest = {one.key.removeprefix(steps.prefix) for one in steps.rows() if one.newest}
    assert newest == {"a.flac", "b.wav"}


@pytest.fixture
def single(steps: Steps) -> ListedObject:
    """a.wav, of which somebody's own DAG has made the rendition that the profile would make, where it would be."""
    steps.put("a.wav", OLDER)
    key = f"{steps.prefix}a.wav"
    there = steps.oss.bucket(steps.bucket).head_object(key)
    source = ListedObject(steps.bucket, key, there.etag, there.content_length, LISTED_AT)
    ask_for_one(steps, source)
    return source


def ask_for_one(steps: Steps, source: ListedObject) -> None:
    bucket, target = steps.profile.target_for(source.bucket, source.key)
    asked = {"convert": steps.profile.convert.render(), "bucket": bucket, "key": target}
    request = BatchRequest(source.bucket, (source.key,), include=(source.key,), single=asked)
    plan_single(steps.catalogue, steps.oss, request, f"{steps.prefix}single", source)


@pytest.mark.parametrize("state", sorted(set(State) - {State.SUBMITTING, State.SUBMITTED, State.SKIPPED}))
@pytest.mark.usefixtures("single")
def test_a_profile_takes_over_what_was_asked_for_by_itself(steps: Steps, state: State) -> None:
    steps.change(state=state.value)
    assert night(steps).decisions == {"new": 1}
    ours, newest = (next(one for one in steps.rows() if one.newest is newest) for newest in (False, True))
    assert (ours.profile, newest.profile) == (f"oss://{newest.target_bucket}/{newest.target_key}", steps.profile.name)
    assert night(steps).decisions == {"joined": 1}


@pytest.mark.parametrize("state", [State.SUBMITTING, State.SUBMITTED])
@pytest.mark.usefixtures("single")
def test_a_target_that_is_being_written_is_left_for_a_later_night_and_the_others_go_on(
    steps: Steps, state: State
) -> None:
    steps.change(state=state.value)
    steps.put("b.wav", OLDER)
    assert night(steps).decisions == {"new": 1, "target being written": 1}
    assert [(one.key.removeprefix(steps.prefix), one.newest) for one in steps.rows()] == [
        ("a.wav", True),
        ("b.wav", True),
    ]
    # It hasn't moved for so long that it is left behind.
    steps.change(changed_at=now() - LEFT_BEHIND)
    assert night(steps).decisions == {"new": 1, "joined": 1}


def test_what_was_asked_for_by_itself_takes_nothing_from_a_profile(steps: Steps) -> None:
    steps.profile = load_profiles()["mobile-mp3"]
    put_published(steps)
    (row,) = steps.rows()
    source = ListedObject(row.bucket, row.key, row.etag, row.source_size, LISTED_AT)
    with pytest.raises(RequestError, match=rf"where profile {row.profile} puts its rendition .* give target_key"):
        ask_for_one(steps, source)
    mine, refused = steps.rows()
    assert (mine.newest, mine.state, refused.state, refused.code) == (
        True,
        State.PUBLISHED,
        State.SKIPPED,
        "TargetShared",
    )
