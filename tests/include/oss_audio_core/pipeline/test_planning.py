"""What a batch wants, decided from what is listed and what the catalogue knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.catalogue import Catalogue, State, batches, conversions, open_catalogue
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import conversion, listing, rendition
from oss_audio_core.pipeline import candidates, sharding
from oss_audio_core.pipeline.candidates import Order
from oss_audio_core.pipeline.decisions import Plan
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.selection import Selection, SelectionError
from oss_audio_core.pipeline.sharding import ShardLimits

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

PlanIt = Callable[..., tuple[int, Plan]]
ONE = {"in/a.wav": "E1"}


@pytest.fixture
def catalogue(catalogue_url: sa.URL) -> Iterator[Catalogue]:
    """On each database: their locks and transactions differ."""
    opened = open_catalogue(catalogue_url)
    yield opened
    opened.close()


def every_conversion(catalogue: Catalogue) -> list[Conversion]:
    with catalogue.read() as connection:
        return conversions.fetch(connection, sa.true())


def set_all(catalogue: Catalogue, **values: object) -> None:
    with catalogue.write() as connection:
        connection.execute(sa.update(conversion).values(**values))


def test_new_sources_become_planned_conversions(catalogue: Catalogue, plan_it: PlanIt) -> None:
    _, plan = plan_it({"in/a.wav": "E1", "in/曲 目.flac": "E2"})
    assert (plan.shards, plan.decisions, plan.unchanged) == ([0], {"new": 2}, 0)
    found = {one.key: one for one in every_conversion(catalogue)}
    assert found["in/曲 目.flac"].target_key == "out/in/曲 目.mp3"
    assert {one.state for one in found.values()} == {State.PLANNED}
    assert {one.process for one in found.values()} == {"audio/convert,f_mp3,ar_44100,ac_2,ab_64000"}


def test_what_is_published_and_unchanged_is_left_alone(catalogue: Catalogue, plan_it: PlanIt) -> None:
    plan_it(ONE)
    set_all(catalogue, state="published")
    _, plan = plan_it(ONE)
    assert (plan.shards, plan.decisions, plan.unchanged) == ([], {}, 1)


def test_a_changed_source_is_a_new_generation(catalogue: Catalogue, plan_it: PlanIt) -> None:
    plan_it(ONE)
    set_all(catalogue, state="published")
    _, plan = plan_it({"in/a.wav": "E2"})
    assert plan.decisions == {"source changed": 1}
    old, new = every_conversion(catalogue)
    assert (old.generation, old.newest, old.state, old.etag) == (1, False, State.PUBLISHED, "E1")
    assert (new.generation, new.newest, new.state, new.etag) == (2, True, State.PLANNED, "E2")


def test_a_source_that_changes_back_is_made_again(catalogue: Catalogue, plan_it: PlanIt) -> None:
    for etag in ("E1", "E2"):
        plan_it({"in/a.wav": etag})
        set_all(catalogue, state="published")
    _, plan = plan_it(ONE)
    assert plan.decisions == {"source changed": 1}
    assert [one.etag for one in every_conversion(catalogue)] == ["E1", "E2", "E1"]


def test_changed_parameters_are_a_new_generation(catalogue: Catalogue, plan_it: PlanIt, mp3: Profile) -> None:
    plan_it(ONE)
    set_all(catalogue, state="published")
    louder = replace(mp3, convert=AudioConvert(f="mp3", ab=192000, ar=44100, ac=2))
    assert plan_it(ONE, profiles=[louder])[1].decisions == {"profile changed": 1}
    renamed = replace(louder, description="another text changes nothing")
    set_all(catalogue, state="published")
    assert plan_it(ONE, profiles=[renamed])[1].unchanged == 1


@pytest.mark.parametrize("state", ["planned", "submitting", "submitted", "converted", "verified"])
def test_a_second_batch_joins_what_is_under_way(catalogue: Catalogue, plan_it: PlanIt, state: str) -> None:
    plan_it(ONE)
    set_all(catalogue, state=state)
    second, plan = plan_it(ONE)
    assert (plan.shards, plan.decisions) == ([0], {"joined": 1})
    with catalogue.read() as connection:
        assert len(conversions.of_batch(connection, second, list(State))) == 1
    assert len(every_conversion(catalogue)) == 1


def test_a_newer_generation_supersedes_one_under_way(catalogue: Catalogue, plan_it: PlanIt) -> None:
    plan_it(ONE)
    set_all(catalogue, state="submitted")
    plan_it({"in/a.wav": "E2"})
    assert [one.state for one in every_conversion(catalogue)] == [State.SUPERSEDED, State.PLANNED]


@pytest.mark.parametrize("state", ["failed", "quarantined"])
def test_a_failure_backs_off_then_is_retried_and_is_dead_in_the_end(
    catalogue: Catalogue, plan_it: PlanIt, state: str
) -> None:
    plan_it(ONE)
    set_all(catalogue, state=state, retry_at=now() + timedelta(hours=1))
    _, plan = plan_it(ONE)
    assert (plan.shards, plan.decisions, plan.wanted) == ([], {"failed, backing off": 1}, 0)
    assert plan_it(ONE, retry_now=True)[1].decisions == {"retry": 1}
    set_all(catalogue, state=state, retry_at=now() - timedelta(hours=1))
    _, plan = plan_it(ONE)
    assert (plan.shards, plan.decisions) == ([0], {"retry": 1})
    assert [one.attempt for one in every_conversion(catalogue)] == [3]
    set_all(catalogue, state=state, retry_at=now() - timedelta(hours=1))
    assert plan_it(ONE)[1].decisions == {"failed for good": 1}
    assert every_conversion(catalogue)[0].state is State.DEAD
    assert plan_it(ONE)[1].decisions == {"failed for good": 1}
    assert plan_it(ONE, force=True)[1].decisions == {"forced": 1}


@pytest.mark.parametrize("state", ["superseded", "cancelled"])
def test_what_ended_without_a_result_is_begun_anew(catalogue: Catalogue, plan_it: PlanIt, state: str) -> None:
    plan_it(ONE)
    set_all(catalogue, state=state)
    assert plan_it(ONE)[1].decisions == {"new": 1}
    assert [one.generation for one in every_conversion(catalogue)] == [1, 2]


def test_force_makes_everything_anew_but_only_once_for_a_run(catalogue: Catalogue, plan_it: PlanIt) -> None:
    plan_it(ONE)
    set_all(catalogue, state="published")
    first = plan_it(ONE, force=True, name="dag/forced")
    again = plan_it(ONE, force=True, name="dag/forced")
    assert first[0] == again[0]
    assert first[1].shards == again[1].shards == [0]
    assert len(every_conversion(catalogue)) == 2


def test_an_empty_source_is_skipped_with_its_reason(catalogue: Catalogue, plan_it: PlanIt) -> None:
    plan_it(ONE, sizes={"in/a.wav": 0})
    (skipped,) = every_conversion(catalogue)
    assert (skipped.state, skipped.code) == (State.SKIPPED, "EmptySource")
    assert plan_it(ONE, sizes={"in/a.wav": 0})[1].unchanged == 1


def test_a_dry_run_decides_everything_and_keeps_nothing(catalogue: Catalogue, plan_it: PlanIt) -> None:
    _, plan = plan_it(ONE, dry_run=True)
    assert (plan.shards, plan.decisions) == ([], {"new": 1})
    assert plan.examples == [("new", "in/a.wav", "mp3", "oss://audio/out/in/a.mp3")]
    assert every_conversion(catalogue) == []


def test_a_limit_counts_sources_not_renditions(catalogue: Catalogue, plan_it: PlanIt, mp3: Profile) -> None:
    flac = replace(mp3, name="flac", convert=AudioConvert(f="flac"), target_key="out/{dirname}/{barename}.flac")
    plan_it({f"in/{n}.wav": "E" for n in range(5)}, profiles=[mp3, flac], limit=2)
    assert sorted(one.key for one in every_conversion(catalogue)) == ["in/0.wav"] * 2 + ["in/1.wav"] * 2


def refusals(catalogue: Catalogue) -> dict[str, tuple[State, str | None]]:
    """State and code of the newest conversion of each source that has a code."""
    return {one.key: (one.state, one.code) for one in every_conversion(catalogue) if one.newest and one.code}


def test_two_new_sources_of_one_target_are_both_refused_and_their_neighbours_go_on(
    catalogue: Catalogue, plan_it: PlanIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    # They are on different pages, too.
    monkeypatch.setattr(candidates, "CHUNK", 2)
    listed = {"in/a.wav": "E1", "in/a.flac": "E2", "in/b.wav": "E3", "in/c.wav": "E4", "in/a.aac": "E5"}
    batch, plan = plan_it(listed)
    assert plan.decisions == {"target of another": 3, "new": 2}
    shared = (State.SKIPPED, "TargetShared")
    assert refusals(catalogue) == {"in/a.aac": shared, "in/a.flac": shared, "in/a.wav": shared}
    sentence = "would both become 'oss://audio/out/in/a.mp3' by profile mp3: give them different targets"
    reasons = {one.key: one.message or "" for one in every_conversion(catalogue) if one.code}
    assert f"sources 'in/a.aac' and 'in/a.flac' {sentence}" in reasons["in/a.aac"]
    assert all(f"'in/a.aac' and '{key}' {sentence}" in reasons[key] for key in ("in/a.flac", "in/a.wav"))
    assert [one[1] for one in plan.refused] == ["in/a.aac", "in/a.flac", "in/a.wav"]
    with catalogue.read() as connection:
        assert len(conversions.of_batch(connection, batch, [State.SKIPPED])) == 3
    # The same night again: the rows stay, and the batch reports them. The last one that is left gets the target.
    assert plan_it(listed)[1].decisions == {"target of another": 3, "joined": 2}
    assert len(every_conversion(catalogue)) == 5
    assert plan_it({"in/a.wav": "E1"})[1].decisions == {"new": 1}
    assert refusals(catalogue) == {"in/a.aac": shared, "in/a.flac": shared}


def test_a_newcomer_leaves_an_owner_its_target(catalogue: Catalogue, plan_it: PlanIt) -> None:
    plan_it(ONE)
    set_all(catalogue, state="published")
    listed = {"in/a.flac": "E2", **ONE, "in/b.wav": "E3"}
    _, plan = plan_it(listed)
    assert (plan.decisions, plan.unchanged) == ({"target of another": 1, "new": 1}, 1)
    assert refusals(catalogue) == {"in/a.flac": (State.SKIPPED, "TargetShared")}
    (reason,) = [one.message or "" for one in every_conversion(catalogue) if one.code]
    assert "sources 'in/a.wav' and 'in/a.flac' would both become" in reason
    # Also where the owner is made anew.
    assert plan_it({**listed, "in/a.wav": "E4"})[1].decisions == {
        "target of another": 1,
        "source changed": 1,
        "joined": 1,
    }


def test_refused_sources_do_not_use_up_the_limit_for_ever(catalogue: Catalogue, plan_it: PlanIt) -> None:
    listed = {"in/a.flac": "E1", "in/a.wav": "E2", "in/b.wav": "E3"}
    assert plan_it(listed, limit=2)[1].decisions == {"target of another": 2}
    assert plan_it(listed, limit=1)[1].decisions == {"target of another": 2, "new": 1}


@pytest.mark.parametrize("state", ["published", "verified", "submitted", "failed", "dead"])
def test_a_source_that_took_the_place_of_another_gets_its_target(
    catalogue: Catalogue, plan_it: PlanIt, steps: Steps, state: str
) -> None:
    # None of the two is there, so that whichever isn't listed is gone.
    plan_it(ONE)
    set_all(catalogue, state=state)
    assert plan_it({"in/a.flac": "E2"}, oss=steps.oss)[1].decisions == {"new": 1}
    old, new = every_conversion(catalogue)
    assert (old.newest, old.state) == (False, State.SUPERSEDED if state == "submitted" else State(state))
    assert (new.key, new.newest, new.target_key) == ("in/a.flac", True, old.target_key)
    assert plan_it(ONE, oss=steps.oss)[1].decisions == {"new": 1}
    assert [(one.key, one.generation) for one in every_conversion(catalogue) if one.newest] == [("in/a.wav", 2)]


def test_rows_are_locked_in_the_order_of_their_ids(catalogue: Catalogue, plan_it: PlanIt) -> None:
    """Else a forced plan and a submit of the same rows wait for each other."""
    locks: list[str] = []

    @sa.event.listens_for(catalogue._engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT conversion.id, conversion.state"):
            locks.append(" ".join(statement.split()))

    keys = {f"in/{number}.wav": "E" for number in range(3)}
    plan_it(keys)
    locks.clear()
    plan_it(keys, force=True)
    (lock,) = locks
    assert "ORDER BY conversion.id" in lock


def test_a_profile_that_took_the_place_of_another_gets_its_target(
    catalogue: Catalogue, plan_it: PlanIt, mp3: Profile
) -> None:
    plan_it(ONE)
    set_all(catalogue, state="published")
    assert plan_it(ONE, profiles=[replace(mp3, name="renamed")])[1].decisions == {"new": 1}
    assert [(one.profile, one.newest) for one in every_conversion(catalogue)] == [("mp3", False), ("renamed", True)]


def test_one_profile_may_go_to_two_buckets(catalogue: Catalogue, plan_it: PlanIt, mp3: Profile) -> None:
    elsewhere = replace(mp3, target_bucket="elsewhere")
    plan_it(ONE)
    plan_it(ONE, profiles=[elsewhere])
    set_all(catalogue, state="published")
    assert plan_it(ONE)[1].unchanged == plan_it(ONE, profiles=[elsewhere])[1].unchanged == 1


def test_a_key_without_a_possible_target_is_skipped_and_its_neighbours_go_on(
    catalogue: Catalogue, plan_it: PlanIt
) -> None:
    long = f"in/{'x' * 1016}.wav"
    for decisions in ({"impossible target": 1, "new": 1}, {"joined": 1}):
        assert plan_it({long: "E", **ONE})[1].decisions == decisions
    skipped = next(one for one in every_conversion(catalogue) if one.key == long)
    assert (skipped.state, skipped.code) == (State.SKIPPED, "ImpossibleTarget")
    assert "1023" in (skipped.message or "")


def test_failures_that_are_left_alone_do_not_use_up_the_limit(catalogue: Catalogue, plan_it: PlanIt) -> None:
    plan_it(ONE)
    set_all(catalogue, state="dead")
    _, plan = plan_it({**ONE, "in/b.wav": "E", "in/c.wav": "E"}, limit=1)
    assert plan.decisions == {"failed for good": 1, "new": 1}


def test_what_is_verified_may_still_be_published_when_a_newer_generation_is_planned(
    catalogue: Catalogue, plan_it: PlanIt
) -> None:
    plan_it(ONE)
    set_all(catalogue, state="verified")
    plan_it({"in/a.wav": "E2"})
    assert [one.state for one in every_conversion(catalogue)] == [State.VERIFIED, State.PLANNED]


def test_until_it_is_planned_a_run_may_ask_for_something_else(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        batches.open_batch(connection, "dag/run", {"exclude": []})
        assert batches.open_batch(connection, "dag/run", {"exclude": ["x*"]}).params == {"exclude": ["x*"]}
        batch = batches.open_batch(connection, "dag/run", {"exclude": ["x*"]})
        batches.end_planning(connection, batch.id, {})
        assert batches.open_batch(connection, "dag/run", {"exclude": []}).params == {"exclude": ["x*"]}


def test_a_dry_run_and_a_refusal_leave_no_listing_behind(catalogue: Catalogue, plan_it: PlanIt, mp3: Profile) -> None:
    plan_it(ONE, dry_run=True)
    with pytest.raises(SelectionError):
        plan_it(ONE, profiles=[mp3, replace(mp3, name="other")])
    with catalogue.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(listing)) == 0


def test_a_batch_whose_listing_was_forgotten_is_not_planned_as_if_there_were_nothing(
    catalogue: Catalogue, plan_it: PlanIt, mp3: Profile
) -> None:
    batch, _ = plan_it(ONE, dry_run=True)
    with catalogue.write() as connection:
        batches.end_listing(connection, batch, listed=1, passed_over={})
    with pytest.raises(SelectionError, match="clear the task that lists as well"):
        plan_batch(catalogue, Selection("audio", ("in/",)), [mp3], batch)
    with catalogue.read() as connection:
        assert batches.get_batch(connection, batch).planned_at is None


@pytest.mark.parametrize("state", ["converted", "superseded", "failed"])
def test_what_was_written_in_place_is_never_a_source(catalogue: Catalogue, plan_it: PlanIt, state: str) -> None:
    plan_it(ONE)
    set_all(catalogue, state=state, publish="direct", target_key="in/a-preview.mp3")
    _, plan = plan_it({"in/a-preview.mp3": "E"})
    assert (plan.decisions, plan.wanted) == ({"a rendition itself": 1}, 0)


def test_two_profiles_of_one_target_are_both_named(plan_it: PlanIt, mp3: Profile) -> None:
    with pytest.raises(SelectionError, match="profiles mp3 and other both turn"):
        plan_it(ONE, profiles=[mp3, replace(mp3, name="other")])


def test_a_target_inside_the_selection_is_refused_when_it_is_planned(
    catalogue: Catalogue, plan_it: PlanIt, mp3: Profile
) -> None:
    # No example key shows it: only sources below in/x/../in/ have targets that the selection would list.
    sneaky = replace(mp3, target_key="{barename}.mp3")
    _, plan = plan_it({"in/a.wav": "E1", "in/a/in/b.wav": "E1"}, profiles=[_Basenames(sneaky)])
    assert plan.decisions == {"new": 1, "target is selected": 1}
    assert refusals(catalogue) == {"in/a/in/b.wav": (State.SKIPPED, "TargetSelected")}
    (reason,) = [one.message or "" for one in every_conversion(catalogue) if one.code]
    assert "'in/a/in/b.wav' into 'in/b.mp3', which this selection would take for a source" in reason


def test_a_known_rendition_is_never_a_source(catalogue: Catalogue, plan_it: PlanIt) -> None:
    plan_it(ONE)
    (known,) = every_conversion(catalogue)
    with catalogue.write() as connection:
        connection.execute(
            sa.insert(rendition).values(
                bucket="audio",
                key="in/made.mp3",
                conversion_id=known.id,
                source_id=known.source_id,
                profile="mp3",
                codec="mp3",
                sample_rate=1,
                channels=1,
                duration=1.0,
                size=1,
                etag="E",
                published_at=now(),
            )
        )
    set_all(catalogue, state="published")
    _, plan = plan_it({"in/made.mp3": "E", **ONE})
    assert (plan.decisions, plan.unchanged) == ({"a rendition itself": 1}, 1)


def test_a_run_has_at_most_64_shards(catalogue: Catalogue, plan_it: PlanIt, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = ShardLimits(conversions=4)
    batch, plan = plan_it({f"in/{n:04}.wav": "E" for n in range(200)}, shards=shards)
    assert plan.shards == list(range(50))
    monkeypatch.setattr(sharding, "MAX_SHARDS", 8)
    _, plan = plan_it({f"in/{n:04}.wav": "E2" for n in range(200)}, shards=shards)
    assert plan.shards == list(range(8))
    with catalogue.read() as connection:
        sizes = [len(conversions.of_batch(connection, batch, list(State), shard=shard)) for shard in range(50)]
    assert sizes == [4] * 50


def test_the_renditions_of_a_source_are_in_one_shard_and_the_first_shard_holds_what_is_first(
    catalogue: Catalogue, plan_it: PlanIt, mp3: Profile
) -> None:
    aac = replace(mp3, name="aac", convert=AudioConvert(f="aac"), target_key="out/{key}.aac")
    plan_it({"in/b.wav": "B", "in/d.wav": "D"}, profiles=[aac])
    listed = {f"in/{name}.wav": name.upper() for name in "abcde"}
    batch, plan = plan_it(listed, profiles=[mp3, aac], shards=ShardLimits(conversions=4), force=False)
    with catalogue.read() as connection:
        wanted = conversions.of_batch(connection, batch, list(State))
    of_sources = {one.key: {other.shard for other in wanted if other.key == one.key} for one in wanted}
    assert of_sources == {"in/a.wav": {0}, "in/b.wav": {0}, "in/c.wav": {1}, "in/d.wav": {1}, "in/e.wav": {2}}
    # The batch's own order goes on within each shard: profile by profile.
    first = [f"{one.key[3]} {one.profile}" for one in wanted if one.shard == 0]
    assert first == ["a mp3", "b mp3", "a aac", "b aac"]
    assert plan.shards == [0, 1, 2]


def test_long_sources_make_more_shards(plan_it: PlanIt) -> None:
    sizes = {f"in/{n}.wav": 176_400 * 60 for n in range(10)}
    _, plan = plan_it(dict.fromkeys(sizes, "E"), sizes=sizes, shards=ShardLimits(minutes=5.0))
    assert plan.shards == [0, 1]


class _Basenames:
    """A spec whose targets keep what follows the source key's second folder: a template can't say that."""

    def __init__(self, profile: Profile) -> None:
        self.name, self.convert, self.publish = profile.name, profile.convert, profile.publish
        self.target_key = profile.target_key
        self.digest = profile.digest

    def target_for(self, bucket: str, key: str) -> tuple[str, str]:
        return bucket, "/".join(key.split("/")[2:] or ["out"]).replace(".wav", ".mp3")


SOURCES = {"in/a.wav": "A", "in/b.wav": "B", "in/c.wav": "C"}
SIZES = {"in/a.wav": 30, "in/b.wav": 10, "in/c.wav": 20}
TIMES = {"in/a.wav": now() - timedelta(hours=2), "in/b.wav": now() - timedelta(hours=3), "in/c.wav": now()}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.PROFILE, ["a mp3", "b mp3", "c mp3", "a aac", "b aac", "c aac"]),
        (Order.KEY, ["a mp3", "a aac", "b mp3", "b aac", "c mp3", "c aac"]),
        (Order.NEWEST, ["c mp3", "c aac", "a mp3", "a aac", "b mp3", "b aac"]),
        (Order.SMALLEST, ["b mp3", "b aac", "c mp3", "c aac", "a mp3", "a aac"]),
    ],
)
@pytest.mark.parametrize("limit", [None, 2])
def test_the_order_decides_what_goes_first_and_what_a_limit_leaves(
    catalogue: Catalogue, plan_it: PlanIt, mp3: Profile, order: Order, expected: list[str], limit: int | None
) -> None:
    aac = replace(mp3, name="aac", convert=AudioConvert(f="aac"), target_key="out/{key}.aac")
    batch, plan = plan_it(SOURCES, sizes=SIZES, times=TIMES, profiles=[mp3, aac], order=order, limit=limit)
    with catalogue.read() as connection:
        wanted = conversions.of_batch(connection, batch, [State.PLANNED])
    taken = list(dict.fromkeys(name[0] for name in expected))[:limit]
    expected = [name for name in expected if name[0] in taken]
    assert [f"{one.key[3]} {one.profile}" for one in wanted] == expected
    assert [f"{key[3]} {profile}" for _, key, profile, _ in plan.examples] == expected


def test_decisions_of_one_page_keep_the_order_whatever_they_are(
    catalogue: Catalogue, plan_it: PlanIt, mp3: Profile
) -> None:
    plan_it({"in/b.wav": "B"})
    batch, plan = plan_it(SOURCES, order=Order.KEY)
    with catalogue.read() as connection:
        wanted = conversions.of_batch(connection, batch, [State.PLANNED])
    assert [one.key for one in wanted] == sorted(SOURCES)
    assert plan.decisions == {"new": 2, "joined": 1}


def test_a_source_whose_target_lies_in_staging_is_refused_alone(
    catalogue: Catalogue, plan_it: PlanIt, mp3: Profile
) -> None:
    odd = replace(mp3, target_key="{barename}/{basename}.mp3")
    _, plan = plan_it({"in/.staging.wav": "A", "in/catalogue.wav": "B", "in/b.wav": "C"}, profiles=[odd])
    assert plan.decisions == {"impossible target": 2, "new": 1}
    assert refusals(catalogue) == dict.fromkeys(
        ("in/.staging.wav", "in/catalogue.wav"), (State.SKIPPED, "ImpossibleTarget")
    )
    reason = next(one.message for one in every_conversion(catalogue) if one.key == "in/.staging.wav")
    assert "allowed: a key outside of the staging prefix '.staging/'" in str(reason)
