"""What differs from the bucket is repaired as asked, and the rest is left alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.catalogue import Catalogue, State, batches
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.catalogue.bucket_check import Difference, Kind
from oss_audio_core.catalogue.bucket_repair import LIKELY_LOST, TooManyMissing, deletable, repair
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import conversion, rendition
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.selection import Selection
from tests.include.oss_audio_core.catalogue.rendition_folder import RenditionFolder, rewrite

if TYPE_CHECKING:
    pass


def test_repairing_lets_the_next_run_make_what_is_missing_or_changed(folder: RenditionFolder) -> None:
    for name in ("a.mp3", "b.mp3", "c.mp3", "d.mp3"):
        folder.publish(name, crc64=True)
    folder.bucket.delete_object(f"{folder.root}mp3/b.mp3")
    folder.bucket.put_object(f"{folder.root}mp3/c.mp3", b"other")
    folder.leave("orphan.mp3")
    rewrite(folder, "d.mp3")
    before = folder.keys()
    assert repair(folder.catalogue, folder.check()) == 3
    assert folder.keys() == before
    assert folder.states() == [State.PUBLISHED, State.SUPERSEDED, State.SUPERSEDED, State.PUBLISHED, State.SUPERSEDED]
    with folder.catalogue.read() as connection:
        left = connection.scalars(sa.select(rendition.c.key).order_by(rendition.c.key)).all()
        messages = connection.scalars(sa.select(conversion.c.message).order_by(conversion.c.id)).all()
    assert [key.removeprefix(folder.root) for key in left] == ["mp3/a.mp3", "mp3/d.mp3"]
    assert "was missing" in str(messages[1])
    assert "was changed outside the pipeline" in str(messages[2])
    # What was changed stands in the folder of renditions still, and is not the catalogue's own.
    assert folder.found() == [("orphaned", "mp3/orphan.mp3")]


def test_a_bucket_without_most_of_the_renditions_is_taken_for_the_wrong_one(folder: RenditionFolder) -> None:
    names = [f"{number}.mp3" for number in range(LIKELY_LOST + 2)]
    for name in names:
        folder.publish(name)
    for name in names[:LIKELY_LOST]:
        folder.bucket.delete_object(f"{folder.root}mp3/{name}")
    with pytest.raises(TooManyMissing, match=r"10 of 12 renditions are missing.*Nothing was repaired; --even-most"):
        repair(folder.catalogue, folder.check())
    assert set(folder.states()) == {State.PUBLISHED}
    assert repair(folder.catalogue, folder.check(), even_most=True) == LIKELY_LOST
    assert folder.found() == []


def test_what_was_repaired_is_planned_anew_by_the_next_run(folder: RenditionFolder) -> None:
    convert, target = AudioConvert(f="mp3", ab=64000), "t/{key}.mp3"
    profile = Profile(name="mobile-mp3", description="", convert=convert, target_bucket=folder.name, target_key=target)
    row = folder.publish("a.mp3")
    with folder.catalogue.write() as connection:
        connection.execute(sa.update(conversion).where(conversion.c.id == row).values(digest=profile.digest()))

    def plan(name: str) -> dict[str, int]:
        with folder.catalogue.write() as connection:
            batch = batches.open_batch(connection, name, {})
            seen = ListedObject("media", f"{folder.root}in/a.mp3", "S1", 1000, now())
            batches.add_listed(connection, batch.id, [seen])
        return plan_batch(folder.catalogue, Selection("media", (folder.root,)), [profile], batch.id).decisions

    assert plan("before") == {}
    folder.bucket.delete_object(f"{folder.root}mp3/a.mp3")
    assert repair(folder.catalogue, folder.check()) == 1
    assert plan("after") == {"new": 1}
    assert folder.states() == [State.SUPERSEDED, State.PLANNED]


def test_a_rendition_that_was_published_anew_meanwhile_is_not_repaired(
    folder: RenditionFolder, catalogue: Catalogue
) -> None:
    row = folder.publish("a.mp3")
    stale = Difference(Kind.MISSING, folder.name, f"{folder.root}mp3/a.mp3", "…", conversion_id=row + 1)
    assert repair(catalogue, [stale]) == 0
    assert folder.states() == [State.PUBLISHED]


AT_ONCE = timedelta(days=-1)


def test_only_what_is_asked_for_and_old_enough_is_deleted(folder: RenditionFolder) -> None:
    folder.publish("a.mp3")
    folder.leave("orphan.mp3")
    folder.stage("9-1.mp3")
    differences = folder.check()
    assert deletable(differences, {Kind.ORPHANED, Kind.STAGED}) == []
    assert deletable(differences, set(), settled=AT_ONCE) == []
    assert deletable(differences, {Kind.MISSING, Kind.CHANGED}, settled=AT_ONCE) == []
    orphans = deletable(differences, {Kind.ORPHANED}, settled=AT_ONCE)
    assert [one.key for one in orphans] == [f"{folder.root}mp3/orphan.mp3"]
    assert folder.delete(orphans) == orphans
    assert folder.found() == [("staged", "own/9-1.mp3")]
    staged = deletable(differences, {Kind.STAGED}, settled=AT_ONCE)
    assert folder.delete(staged) == staged
    assert folder.keys() == ["mp3/a.mp3"]


def test_an_object_that_is_needed_or_written_anew_after_the_check_stays(folder: RenditionFolder) -> None:
    folder.publish("a.mp3")
    keys = [folder.leave(f"{number}.mp3", tagged=number == 2) for number in range(3)]
    waiting = folder.stage("{id}-1.mp3", state=State.SUPERSEDED)
    chosen = deletable(folder.check(), {Kind.ORPHANED, Kind.STAGED}, settled=AT_ONCE)
    assert len(chosen) == 4
    folder.library.add("again.wav", state=State.VERIFIED, asked={"target_bucket": folder.name, "target_key": keys[0]})
    folder.bucket.put_object(keys[1], b"a master of the same name")
    folder.bucket.put_object(keys[2], b"another one")
    with folder.catalogue.write() as connection:
        failed = sa.update(conversion).where(conversion.c.id == waiting)
        connection.execute(failed.values(state=State.QUARANTINED.value))
    before = folder.keys()
    assert folder.delete(chosen) == []
    assert folder.keys() == before
