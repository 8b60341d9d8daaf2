"""The catalogue against a real bucket: what differs is found, mended as asked, and what is fine is left alone."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.catalogue import Catalogue, State, batches
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.catalogue.bucket_check import Difference, Kind, check
from oss_audio_core.catalogue.bucket_repair import LIKELY_LOST, TooManyMissing, delete, repair
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import conversion, rendition
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.selection import Selection

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library
    from tools.cloud_process import CloudProcess


class Shelf:
    """A folder of the bucket of this test's own, with renditions and their rows."""

    def __init__(self, library: Library, oss: OssSettings, bucket: str) -> None:
        self.library = library
        self.catalogue = library.catalogue
        self.oss = oss
        self.name = bucket
        self.bucket = oss.bucket(bucket)
        self.root = f"check-{secrets.token_hex(4)}/"
        self.staging = f"{self.root}.staging/"

    def publish(self, name: str, content: bytes = b"audio", *, crc64: bool = False) -> int:
        """Write a rendition, object and row. Returns its conversion's id."""
        key = f"{self.root}mp3/{name}"
        put = self.bucket.put_object(key, content)
        there = {"bucket": self.name, "key": key, "etag": put.etag, "size": len(content)}
        if crc64:
            there["crc64"] = str(put.crc)
        target = {"target_bucket": self.name, "target_key": key}
        return self.library.add(f"{self.root}in/{name}", asked=target, measured=there)

    def check(self) -> list[Difference]:
        return list(check(self.catalogue, self.oss, staging=self.staging))

    def found(self) -> list[tuple[str, str]]:
        return [(one.kind.value, one.key.removeprefix(self.root)) for one in self.check()]

    def states(self) -> list[State]:
        with self.catalogue.read() as connection:
            return [State(one) for one in connection.scalars(sa.select(conversion.c.state).order_by(conversion.c.id))]

    def keys(self) -> list[str]:
        listed = self.bucket.list_objects_v2(prefix=self.root, max_keys=1000).object_list
        return [one.key.removeprefix(self.root) for one in listed]


@pytest.fixture
def shelf(library: Library, oss: OssSettings, local_cloud: CloudProcess) -> Shelf:
    return Shelf(library, oss, local_cloud.bucket)


def test_an_empty_catalogue_and_one_that_agrees_have_no_difference(shelf: Shelf) -> None:
    assert shelf.check() == []
    for name in ("a.mp3", "歌/b c.mp3", "b&<.mp3"):
        shelf.publish(name)
    assert shelf.check() == []


def test_everything_that_differs_is_found_and_nothing_else(shelf: Shelf) -> None:
    for name in ("a.mp3", "b.mp3", "c.mp3", "d.mp3", "e.mp3", "f.mp3"):
        shelf.publish(name, crc64=name == "e.mp3")
    shelf.bucket.delete_object(f"{shelf.root}mp3/b.mp3")
    shelf.bucket.delete_object(f"{shelf.root}mp3/f.mp3")
    shelf.bucket.put_object(f"{shelf.root}mp3/c.mp3", b"other")
    shelf.bucket.put_object(f"{shelf.root}mp3/d.mp3", b"longer than before")
    shelf.bucket.put_object(f"{shelf.root}mp3/0-orphan.mp3", b"x")
    shelf.bucket.put_object(f"{shelf.root}mp3/z-orphan.mp3", b"x")
    shelf.bucket.put_object(f"{shelf.staging}u/0/9-1.mp3", b"x")
    rewrite(shelf, "e.mp3")
    assert sorted(shelf.found()) == sorted(
        [
            ("missing", "mp3/b.mp3"),
            ("missing", "mp3/f.mp3"),
            ("changed", "mp3/c.mp3"),
            ("changed", "mp3/d.mp3"),
            ("rewritten", "mp3/e.mp3"),
            ("orphaned", "mp3/0-orphan.mp3"),
            ("orphaned", "mp3/z-orphan.mp3"),
            ("staged", ".staging/u/0/9-1.mp3"),
        ]
    )


def rewrite(shelf: Shelf, name: str) -> None:
    """The same bytes under another ETag: as parts."""
    key = f"{shelf.root}mp3/{name}"
    content = shelf.bucket.get_object(key).read()
    upload = shelf.bucket.init_multipart_upload(key).upload_id
    part = shelf.bucket.upload_part(key, upload, 1, content)
    import oss2

    shelf.bucket.complete_multipart_upload(key, upload, [oss2.models.PartInfo(1, part.etag)])


def test_more_than_a_page_is_walked_side_by_side(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oss_audio_core.catalogue.bucket_check.PAGE", 2)
    for number in range(9):
        shelf.publish(f"{number}.mp3")
    for number in (0, 3, 4, 5, 8):
        shelf.bucket.delete_object(f"{shelf.root}mp3/{number}.mp3")
    assert shelf.found() == [("missing", f"mp3/{number}.mp3") for number in (0, 3, 4, 5, 8)]


def test_sources_targets_and_companions_are_no_orphans(shelf: Shelf) -> None:
    shelf.publish("a.mp3")
    key = f"{shelf.root}mp3/a.json"
    with shelf.catalogue.write() as connection:
        connection.execute(sa.update(rendition).values(waveform_uri=f"oss://{shelf.name}/{key}"))
    shelf.bucket.put_object(key, b"{}")
    underway = f"{shelf.root}mp3/underway.mp3"
    target = {"target_bucket": shelf.name, "target_key": underway}
    shelf.library.add("underway.wav", state=State.VERIFIED, asked=target)
    shelf.bucket.put_object(underway, b"copied, and entered in a moment")
    assert shelf.found() == []


def test_staged_objects_that_somebody_waits_for_stay(shelf: Shelf) -> None:
    for number, state in enumerate([State.SUBMITTED, State.QUARANTINED, State.SUPERSEDED], 1):
        row = shelf.library.add(f"{number}.wav", state=state)
        key = f"{shelf.staging}u/0/{row}-1.mp3"
        shelf.bucket.put_object(key, b"x")
        with shelf.catalogue.write() as connection:
            values = {"output_bucket": shelf.name, "output_key": key, "target_bucket": shelf.name}
            connection.execute(sa.update(conversion).where(conversion.c.id == row).values(**values))
    assert shelf.found() == [("staged", f".staging/u/0/{row}-1.mp3")]


def test_staged_side_files_stay_as_long_as_their_rendition_needs_them(shelf: Shelf) -> None:
    for number, state in enumerate([State.VERIFIED, State.SUPERSEDED], 1):
        row = shelf.library.add(f"{number}.wav", state=state)
        key = f"{shelf.staging}u/0/{row}-1.mp3"
        side = {"waveform": f"{key}.waveform.json", "picture": f"{key}.spectrogram.png"}
        for one in (key, *side.values(), f"{shelf.staging}u/0/{row}-0.mp3.waveform.json"):
            shelf.bucket.put_object(one, b"x")
        with shelf.catalogue.write() as connection:
            values = {"output_bucket": shelf.name, "output_key": key, "target_bucket": shelf.name}
            held = {**values, "measured": {"side": side}}
            connection.execute(sa.update(conversion).where(conversion.c.id == row).values(**held))
    # Of the one that is verified, only what an earlier attempt left; of the other one, everything.
    left = [f"{row - 1}-0.mp3.waveform.json", f"{row}-0.mp3.waveform.json"]
    left += [f"{row}-1.mp3", f"{row}-1.mp3.spectrogram.png", f"{row}-1.mp3.waveform.json"]
    assert sorted(shelf.found()) == [("staged", f".staging/u/0/{name}") for name in left]


def test_repairing_lets_the_next_run_make_what_is_missing_or_changed(shelf: Shelf) -> None:
    for name in ("a.mp3", "b.mp3", "c.mp3", "d.mp3"):
        shelf.publish(name, crc64=True)
    shelf.bucket.delete_object(f"{shelf.root}mp3/b.mp3")
    shelf.bucket.put_object(f"{shelf.root}mp3/c.mp3", b"other")
    shelf.bucket.put_object(f"{shelf.root}mp3/orphan.mp3", b"x")
    rewrite(shelf, "d.mp3")
    before = shelf.keys()
    assert repair(shelf.catalogue, shelf.check()) == 3
    assert shelf.keys() == before
    assert shelf.states() == [State.PUBLISHED, State.SUPERSEDED, State.SUPERSEDED, State.PUBLISHED]
    with shelf.catalogue.read() as connection:
        left = connection.scalars(sa.select(rendition.c.key).order_by(rendition.c.key)).all()
        messages = connection.scalars(sa.select(conversion.c.message).order_by(conversion.c.id)).all()
    assert [key.removeprefix(shelf.root) for key in left] == ["mp3/a.mp3", "mp3/d.mp3"]
    assert "was missing" in str(messages[1])
    assert "was changed behind our back" in str(messages[2])
    # What was changed stands in the folder of renditions still, as nobody's until it is made anew.
    assert shelf.found() == [("orphaned", "mp3/c.mp3"), ("orphaned", "mp3/orphan.mp3")]


def test_a_bucket_without_most_of_the_renditions_is_taken_for_the_wrong_one(shelf: Shelf) -> None:
    names = [f"{number}.mp3" for number in range(LIKELY_LOST + 2)]
    for name in names:
        shelf.publish(name)
    for name in names[:LIKELY_LOST]:
        shelf.bucket.delete_object(f"{shelf.root}mp3/{name}")
    with pytest.raises(TooManyMissing, match=r"10 of 12 renditions are missing.*Nothing was repaired; --even-most"):
        repair(shelf.catalogue, shelf.check())
    assert set(shelf.states()) == {State.PUBLISHED}
    assert repair(shelf.catalogue, shelf.check(), even_most=True) == LIKELY_LOST
    assert shelf.found() == []


def test_what_was_repaired_is_planned_anew_by_the_next_run(shelf: Shelf) -> None:
    convert, target = AudioConvert(f="mp3", ab=64000), "t/{key}.mp3"
    profile = Profile(name="mobile-mp3", description="", convert=convert, target_bucket=shelf.name, target_key=target)
    row = shelf.publish("a.mp3")
    with shelf.catalogue.write() as connection:
        connection.execute(sa.update(conversion).where(conversion.c.id == row).values(digest=profile.digest()))

    def plan(name: str) -> dict[str, int]:
        with shelf.catalogue.write() as connection:
            batch = batches.open_batch(connection, name, {})
            seen = ListedObject("media", f"{shelf.root}in/a.mp3", "S1", 1000, now())
            batches.add_listed(connection, batch.id, [seen])
        return plan_batch(shelf.catalogue, Selection("media", (shelf.root,)), [profile], batch.id).decisions

    assert plan("before") == {}
    shelf.bucket.delete_object(f"{shelf.root}mp3/a.mp3")
    assert repair(shelf.catalogue, shelf.check()) == 1
    assert plan("after") == {"new": 1}
    assert shelf.states() == [State.SUPERSEDED, State.PLANNED]


def test_a_rendition_that_was_published_anew_meanwhile_is_not_mended(shelf: Shelf, catalogue: Catalogue) -> None:
    row = shelf.publish("a.mp3")
    stale = Difference(Kind.MISSING, shelf.name, f"{shelf.root}mp3/a.mp3", "…", conversion_id=row + 1)
    assert repair(catalogue, [stale]) == 0
    assert shelf.states() == [State.PUBLISHED]


def test_only_what_is_asked_for_and_old_enough_is_deleted(shelf: Shelf) -> None:
    shelf.publish("a.mp3")
    shelf.bucket.put_object(f"{shelf.root}mp3/orphan.mp3", b"x")
    shelf.bucket.put_object(f"{shelf.staging}u/0/9-1.mp3", b"x")
    differences = shelf.check()
    whenever = timedelta(days=-1)
    assert delete(shelf.oss, differences, {Kind.ORPHANED, Kind.STAGED}) == 0
    assert delete(shelf.oss, differences, set(), settled=whenever) == 0
    assert delete(shelf.oss, differences, {Kind.MISSING, Kind.CHANGED}, settled=whenever) == 0
    assert delete(shelf.oss, differences, {Kind.ORPHANED}, settled=whenever) == 1
    assert shelf.found() == [("staged", ".staging/u/0/9-1.mp3")]
    assert delete(shelf.oss, differences, {Kind.STAGED}, settled=whenever) == 1
    assert shelf.keys() == ["mp3/a.mp3"]


def test_the_command_tells_repairs_and_ends_with_2_for_what_is_left(
    shelf: Shelf,
    local_cloud: CloudProcess,
    run_command: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OSS_ACCESS_KEY_ID", local_cloud.access_key_id)
    monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", local_cloud.access_key_secret)
    monkeypatch.setenv("OSS_REGION", local_cloud.region)
    words = ["check", "--endpoint", local_cloud.oss, "--staging", shelf.staging]
    shelf.publish("a.mp3")
    assert run_command(*words)[0] == 0
    shelf.publish("b.mp3")
    shelf.bucket.delete_object(f"{shelf.root}mp3/a.mp3")
    status, out, told = run_command(*words)
    assert (status, told) == (2, "1 missing; 0 repaired, 0 deleted\n")
    assert out.splitlines()[1].startswith("missing\t")
    status, out, _ = run_command(*words, "--repair", "--json")
    assert (status, json.loads(out)["repaired"]) == (0, 1)
    assert run_command(*words)[0] == 0
    monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", "wrong-secret")
    status, out, told = run_command(*words)
    assert (status, out, told.count("\n")) == (1, "", 1)
    assert "wrong-secret" not in told
