"""Nothing of the user's is ever overwritten: a final key is written only where it is absent or the catalogue's own."""

from __future__ import annotations

import random
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.catalogue import Catalogue, State, batches, bucket_check, bucket_repair, open_catalogue
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.catalogue.take_over import take_over
from oss_audio_core.oss import retry
from oss_audio_core.pipeline import part_copy
from oss_audio_core.pipeline.batch_request import BatchRequest, RequestError
from oss_audio_core.pipeline.decisions import Plan
from oss_audio_core.pipeline.listing import list_sources
from oss_audio_core.pipeline.plan_options import PlanOptions
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.rendition_spec import clip
from oss_audio_core.pipeline.reporting import build_report, render
from oss_audio_core.pipeline.requeueing import Wanted, requeue
from oss_audio_core.pipeline.selection import Selection, SelectionError, refuse_own_targets
from oss_audio_core.pipeline.single_conversion import plan_single
from oss_audio_core.pipeline.submitting import posting
from oss_audio_core.pipeline.submitting.outcomes import OutcomeKind, SubmitOutcome
from tests.include.oss_audio_core.pipeline.conftest import LISTED_AT

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Proxy, Steps

Wav = Callable[..., bytes]
ORIGINAL = b"an unrelated original"
EXCLUDED, INCLUDED = {"exclude": ("*.mp3",)}, {"include": ("*.wav",)}
CLIP = (100, 100)
PAIRS = pytest.mark.parametrize(
    ("folder", "profile"), [(EXCLUDED, "staged"), (INCLUDED, "direct")], ids=["staged", "direct"], indirect=True
)
"""Each layout and each way of publishing once, on each database."""


@pytest.fixture
def catalogue(catalogue_url: sa.URL) -> Iterator[Catalogue]:
    """On each database."""
    opened = open_catalogue(catalogue_url)
    yield opened
    opened.close()


@pytest.fixture(params=["staged", "direct"])
def profile(request: pytest.FixtureRequest, mp3: Profile) -> Profile:
    """A profile whose renditions stand beside their sources."""
    return replace(mp3, target_key="{dirname}/{barename}.mp3", publish=request.param)


@dataclass
class Folder:
    """A folder with sources and an original that has the name of a rendition."""

    steps: Steps
    wav: Wav
    selection: dict[str, Any]

    def __post_init__(self) -> None:
        self.etags: dict[str, str] = {}

    def put_sources(self) -> None:
        for name in ("song.wav", "other.wav"):
            self.steps.put(name, self.wav())

    def put_original(self, name: str = "song.mp3", content: bytes = ORIGINAL) -> None:
        key = f"{self.steps.prefix}{name}"
        self.etags[key] = self.steps.oss.bucket(self.steps.bucket).put_object(key, content).etag

    def plan(self, profile: Profile, **options: Any) -> tuple[int, Plan]:
        steps = self.steps
        selection = Selection(steps.bucket, (steps.prefix,), **self.selection)
        refuse_own_targets(selection, [profile])
        request = BatchRequest(steps.bucket, (steps.prefix,), profiles=(profile.name,))
        with steps.catalogue.write() as connection:
            name = f"{steps.prefix}{next(steps.numbers)}"
            batch = batches.open_batch(connection, name, request.to_json()).id
        list_sources(steps.catalogue, steps.oss.bucket(steps.bucket), selection, batch)
        plan = plan_batch(steps.catalogue, selection, [profile], batch, PlanOptions(**options), oss=steps.oss)
        return batch, plan

    def finish(self, batch: int, profile: Profile) -> str:
        """All steps after planning. Returns the report."""
        self.steps.submit(batch)
        self.steps.wait(batch)
        self.steps.verify(batch, profile)
        self.steps.publish(batch)
        return render(build_report(self.steps.catalogue, batch))

    def night(self, profile: Profile, **options: Any) -> str:
        return self.finish(self.plan(profile, **options)[0], profile)

    def address(self, name: str) -> str:
        return f"oss://{self.steps.bucket}/{self.steps.prefix}{name}"

    def ends(self) -> dict[str, tuple[State, str | None]]:
        """State and code of the newest conversion of each source."""
        return {
            one.key.removeprefix(self.steps.prefix): (one.state, one.code) for one in self.steps.rows() if one.newest
        }

    def assert_unharmed(self) -> None:
        bucket = self.steps.oss.bucket(self.steps.bucket)
        assert {key: bucket.head_object(key).etag for key in self.etags} == self.etags


@pytest.fixture(params=[EXCLUDED, INCLUDED], ids=["excluded", "not included"])
def folder(request: pytest.FixtureRequest, steps: Steps, wav: Wav) -> Folder:
    made = Folder(steps, wav, request.param)
    made.put_sources()
    return made


def make_a_source(folder: Folder, name: str = "song.mp3") -> None:
    """Have an earlier night, of another profile, take the original for a source."""
    opus = Profile(name="opus", description="", convert=AudioConvert(f="opus"), target_key="opus/{key}.opus")
    everything = replace(folder, selection={"include": (f"*/{name}",)})
    assert everything.plan(opus)[1].decisions == {"new": 1}
    folder.steps.change(state=State.PUBLISHED.value)


@pytest.mark.parametrize("clipped", [False, True])
def test_by_a_night(folder: Folder, profile: Profile, clipped: bool) -> None:
    is_source = folder.selection is INCLUDED
    name = "song.clip-100-200.mp3" if clipped else "song.mp3"
    spec = clip(profile, *CLIP) if clipped else profile
    folder.put_original(name)
    if is_source:
        make_a_source(folder, name)
    batch, plan = folder.plan(spec)
    assert plan.decisions == {"target occupied": 1, "new": 1}
    report = folder.finish(batch, profile)
    folder.assert_unharmed()
    assert folder.ends()["song.wav"] == (State.SKIPPED, "TargetOccupied")
    assert folder.ends()["other.wav"][0] is State.PUBLISHED
    assert folder.address(name) in report
    assert ("is itself a source" in report) is is_source
    # Nothing was paid for it, and the next night says it again, with force, too.
    assert len(folder.steps.accepted()) == 1
    for options in ({}, {"force": True}):
        assert folder.address(name) in folder.night(spec, **options)
        folder.assert_unharmed()
    assert len([one for one in folder.steps.rows() if one.key.endswith("song.wav")]) == 1


def test_by_a_single_conversion(folder: Folder, profile: Profile) -> None:
    steps = folder.steps
    folder.put_original()
    if folder.selection is INCLUDED:
        make_a_source(folder)
    key = f"{steps.prefix}song.wav"
    there = steps.oss.bucket(steps.bucket).head_object(key)
    source = ListedObject(steps.bucket, key, there.etag, there.content_length, LISTED_AT)
    asked = {
        "convert": profile.convert.render(),
        "bucket": steps.bucket,
        "key": f"{steps.prefix}song.mp3",
    }
    request = BatchRequest(steps.bucket, (key,), include=(key,), single=asked)
    for _ in range(2):
        with pytest.raises(RequestError, match=folder.address("song.mp3")):
            plan_single(steps.catalogue, steps.oss, request, f"{steps.prefix}single", source)
        folder.assert_unharmed()
    assert folder.ends()["song.wav"] == (State.SKIPPED, "TargetOccupied")
    assert steps.accepted() == []
    # Once the original has moved away, the same task goes on.
    steps.oss.bucket(steps.bucket).delete_object(f"{steps.prefix}song.mp3")
    batch = plan_single(steps.catalogue, steps.oss, request, f"{steps.prefix}single", source)
    assert steps.submit(batch) == {"accepted": 1}
    assert steps.wait(batch).converted == 1


def test_by_requeueing_failures(folder: Folder, profile: Profile) -> None:
    steps = folder.steps
    folder.plan(profile)
    steps.change(state=State.FAILED.value, code="X", message="said the test")
    folder.put_original()
    again = requeue(steps.catalogue, f"{steps.prefix}again", Wanted(), oss=steps.oss)
    report = folder.finish(again, profile)
    folder.assert_unharmed()
    assert folder.ends()["song.wav"] == (State.FAILED, "TargetOccupied")
    assert folder.ends()["other.wav"][0] is State.PUBLISHED
    assert folder.address("song.mp3") in report
    assert len(steps.accepted()) == 1


@PAIRS
def test_an_original_that_arrives_after_planning(folder: Folder, profile: Profile) -> None:
    batch, plan = folder.plan(profile)
    assert plan.decisions == {"new": 2}
    if profile.publish == "staged":
        folder.steps.submit(batch)
        folder.steps.wait(batch)
    folder.put_original()
    report = folder.finish(batch, profile)
    folder.assert_unharmed()
    state = State.QUARANTINED if profile.publish == "staged" else State.FAILED
    assert folder.ends()["song.wav"] == (state, "TargetOccupied")
    assert folder.ends()["other.wav"][0] is State.PUBLISHED
    assert folder.address("song.mp3") in report
    # It isn't paid for again as long as the original stands there.
    paid = len(folder.steps.accepted())
    folder.steps.change(retry_at=None)
    assert folder.address("song.mp3") in folder.night(profile)
    folder.assert_unharmed()
    assert folder.ends()["song.wav"] == (state, "TargetOccupied")
    assert len(folder.steps.accepted()) == paid


@pytest.mark.parametrize("in_parts", [False, True])
def test_an_original_that_arrives_between_the_look_and_the_copy(
    steps: Steps, wav: Wav, mp3: Profile, oss_proxy: Proxy, monkeypatch: pytest.MonkeyPatch, in_parts: bool
) -> None:
    flac = replace(mp3, convert=AudioConvert(f="flac"), target_key="{dirname}/{barename}.flac")
    folder = Folder(steps, wav, INCLUDED)
    # Noise, which FLAC can't make small.
    whole = wav(3.0, 44100)
    steps.put("song.wav", whole[:44] + random.Random(1).randbytes(len(whole) - 44))
    folder.selection = {"include": ("*/song.wav",)}
    if in_parts:
        monkeypatch.setattr(part_copy, "LIMIT", 100 * 1024)
        monkeypatch.setattr(part_copy, "PART", 100 * 1024)
    batch, _ = folder.plan(flac)
    steps.submit(batch)
    steps.wait(batch)
    assert steps.verify(batch, flac) == {"verified": 1}
    name = steps.row().target_key.removeprefix(steps.prefix)
    sent: list[bytes] = []

    def meanwhile(answer: bytes) -> bytes:
        folder.put_original(name)
        return answer

    # The answer to the look, or, of a copy in parts, to its beginning: then its end meets the original.
    oss_proxy.spoil(b"?uploads" if in_parts else b"HEAD ", meanwhile)
    monkeypatch.setattr(type(oss_proxy), "_forward", _noting(type(oss_proxy)._forward, sent))
    assert steps.publish(batch, endpoint=oss_proxy.address) == {"quarantined": 1}
    folder.assert_unharmed()
    assert (steps.row().state, steps.row().code) == (State.QUARANTINED, "TargetOccupied")
    written = [
        one for one in sent if one.startswith((b"PUT ", b"POST ")) and b"partNumber" not in one.split(b"\r\n")[0]
    ]
    conditional = [one for one in written if b"x-oss-forbid-overwrite: true" in one]
    assert len(conditional) == len([one for one in written if b"?delete" not in one]) == (2 if in_parts else 1)


def _is_part_or_deletion(request: bytes) -> bool:
    line = request.split(b"\r\n", 1)[0]
    return b"partNumber" in line or b"?delete" in line


def _noting(forward: Callable[[Any, bytes], bytes], sent: list[bytes]) -> Callable[[Any, bytes], bytes]:
    def note(proxy: Any, request: bytes) -> bytes:
        sent.append(request)
        return forward(proxy, request)

    return note


def test_an_original_that_arrives_in_the_pause_before_a_copy_is_tried_again(
    steps: Steps, wav: Wav, oss_proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "PAUSES", (0.01,) * 3)
    folder = Folder(steps, wav, INCLUDED)
    steps.put("a.wav", wav())
    for force in (False, True):  # at first nothing stands there, then an own rendition
        batch = steps.plan(force=force)
        steps.submit(batch)
        steps.wait(batch)
        assert steps.verify(batch) == {"verified": 1}
        if not force:
            assert steps.publish(batch) == {"published": 1}
    key = steps.rows()[0].target_key

    def meanwhile(answer: bytes) -> bytes:
        folder.etags[key] = steps.oss.bucket(steps.bucket).put_object(key, ORIGINAL).etag
        return b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nx-oss-request-id: R\r\n\r\n"

    oss_proxy.spoil(b"PUT ", meanwhile)
    assert steps.publish(batch, endpoint=oss_proxy.address) == {"quarantined": 1}
    folder.assert_unharmed()


def test_an_original_that_arrives_in_the_pause_before_a_direct_submit_is_tried_again(
    steps: Steps, wav: Wav, mp3: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(steps, wav, INCLUDED)
    steps.put("a.wav", wav())
    batch = steps.plan(profiles=[replace(mp3, publish="direct")])
    key = steps.row().target_key
    post = posting.post
    monkeypatch.setattr(posting, "PAUSES", (0.01, 0.01))

    def unreachable_at_first(*arguments: Any) -> SubmitOutcome:
        if not folder.etags:
            folder.etags[key] = steps.oss.bucket(steps.bucket).put_object(key, ORIGINAL).etag
            return SubmitOutcome(OutcomeKind.NOT_TAKEN, code=posting.UNREACHABLE)
        return post(*arguments)

    monkeypatch.setattr(posting, "post", unreachable_at_first)
    steps.submit(batch)
    folder.assert_unharmed()
    assert (steps.row().code, steps.accepted()) == ("TargetOccupied", [])


@PAIRS
def test_an_original_that_replaced_a_rendition(folder: Folder, profile: Profile) -> None:
    steps = folder.steps
    folder.night(profile)
    assert {state for state, _ in folder.ends().values()} == {State.PUBLISHED}
    folder.put_original()
    for force in (True, False):
        # A forced night, and one after the check that finds the difference.
        assert folder.address("song.mp3") in folder.night(profile, force=force)
        folder.assert_unharmed()
        assert folder.ends()["song.wav"] == (State.SKIPPED, "TargetOccupied")
        found = list(bucket_check.check(steps.catalogue, steps.oss))
        bucket_repair.repair(steps.catalogue, found)
    steps.put("song.wav", folder.wav(0.5))
    assert folder.address("song.mp3") in folder.night(profile)
    folder.assert_unharmed()


@PAIRS
def test_own_renditions_are_replaced(folder: Folder, profile: Profile) -> None:
    """The other side: a changed source, force, and a changed profile are published over what the catalogue made."""
    steps = folder.steps
    folder.night(profile)
    for number, change in enumerate(({}, {"force": True}, {})):
        if not number:
            steps.put("song.wav", folder.wav(0.5))
        spec = replace(profile, convert=replace(profile.convert, ab=96000)) if number == 2 else profile
        before = steps.oss.bucket(steps.bucket).head_object(f"{steps.prefix}song.mp3").last_modified
        assert " 0 failed" in folder.night(spec, **change)
        assert steps.oss.bucket(steps.bucket).head_object(f"{steps.prefix}song.mp3").last_modified >= before
        assert set(folder.ends().values()) == {(State.PUBLISHED, None)}
    assert len(steps.accepted()) == 2 + 1 + 2 + 2


@PAIRS
def test_a_person_takes_an_object_over_once(folder: Folder, profile: Profile) -> None:
    steps = folder.steps
    folder.put_original()
    assert folder.address("song.mp3") in folder.night(profile)
    (etag,) = folder.etags.values()
    # The advice of the row itself.
    (message,) = [one.message or "" for one in steps.rows() if one.code == "TargetOccupied"]
    words = shlex.split(message.partition("replaced by: ")[2])
    assert words[:3] == ["oss-audio", "catalogue", "take-over"]
    assert [one.taken for one in take_over(steps.catalogue, steps.oss, words[3:])] == [True]
    folder.assert_unharmed()
    assert "1 published" in folder.night(profile)
    assert folder.ends()["song.wav"] == (State.PUBLISHED, None)
    assert steps.oss.bucket(steps.bucket).head_object(f"{steps.prefix}song.mp3").etag != etag
    # The same bytes put there again are another decision.
    folder.put_original()
    assert folder.address("song.mp3") in folder.night(profile, force=True)
    folder.assert_unharmed()


@PAIRS
def test_what_a_lost_catalogue_made_is_left_alone(
    folder: Folder, profile: Profile, new_catalogue: Callable[..., sa.URL], tmp_path: Any
) -> None:
    steps = folder.steps
    folder.night(profile)
    made = f"{steps.prefix}song.mp3"
    folder.etags[made] = steps.oss.bucket(steps.bucket).head_object(made).etag
    new = open_catalogue(new_catalogue(tmp_path / "new.db"))
    try:
        steps.catalogue = new
        report = folder.night(profile)
        folder.assert_unharmed()
        assert set(folder.ends().values()) == {(State.SKIPPED, "TargetOccupied")}
        assert f"oss-audio catalogue take-over {folder.address('song.mp3')}" in report
    finally:
        new.close()


@PAIRS
def test_the_advice_of_a_refused_selection_loses_nothing(folder: Folder, profile: Profile) -> None:
    folder.put_original()
    folder.selection = {}
    with pytest.raises(SelectionError) as caught:
        folder.night(profile)
    advised = str(caught.value).partition("add the exclude '")[2].partition("'")[0]
    folder.selection = {"exclude": (advised,)}
    assert folder.address("song.mp3") in folder.night(profile)
    folder.assert_unharmed()


@PAIRS
def test_a_stem_that_two_sources_share_is_refused_alone_and_the_rest_is_converted(
    folder: Folder, profile: Profile
) -> None:
    steps = folder.steps
    spec = replace(profile, convert=AudioConvert(f="opus"), target_key=f"made/{steps.prefix}{{barename}}.opus")
    folder.selection = {}
    folder.night(spec)
    made = steps.oss.bucket(steps.bucket).head_object(f"made/{steps.prefix}song.opus").etag
    steps.put("song.mp3", folder.wav(0.6))
    steps.put("third.wav", folder.wav(0.7))
    report = folder.night(spec)
    assert folder.ends() == {
        "song.wav": (State.PUBLISHED, None),
        "other.wav": (State.PUBLISHED, None),
        "third.wav": (State.PUBLISHED, None),
        "song.mp3": (State.SKIPPED, "TargetShared"),
    }
    assert steps.oss.bucket(steps.bucket).head_object(f"made/{steps.prefix}song.opus").etag == made
    assert f"'{steps.prefix}song.wav' and '{steps.prefix}song.mp3' would both become" in report
    # The advice: exclude one of them.
    folder.selection = {"exclude": ("*/song.wav",)}
    assert folder.plan(spec)[1].decisions == {"target of another": 1}
    folder.selection = {"exclude": ("*/song.mp3",)}
    assert folder.plan(spec)[1].decisions == {}
