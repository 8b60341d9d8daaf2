"""Which objects of a real bucket the catalogue takes for its own, and which it leaves alone whatever their names."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.schema import attempt, conversion, rendition
from oss_audio_core.catalogue.unneeded_objects import UnneededObjects
from tests.include.oss_audio_core.catalogue.rendition_folder import RenditionFolder

ANOTHER = "ffffffffffff"


def orphaned(folder: RenditionFolder) -> list[str]:
    listed = folder.bucket.list_objects_v2(prefix=folder.root, max_keys=1000).object_list
    etags = {one.key: one.etag.strip('"') for one in listed}
    own = UnneededObjects(folder.catalogue).orphaned(folder.bucket, etags)
    return [key.removeprefix(f"{folder.root}mp3/") for key in own]


def put(folder: RenditionFolder, name: str, **tags: str) -> str:
    headers = {"x-oss-tagging": "&".join(f"{name}={value}" for name, value in tags.items())} if tags else {}
    key = f"{folder.root}mp3/{name}"
    folder.bucket.put_object(key, name.encode(), headers=headers)
    return key


def test_what_was_published_is_known_by_its_etag_or_its_tag(folder: RenditionFolder) -> None:
    folder.leave("a.mp3")
    folder.leave("歌 b.mp3", tagged=True)
    assert orphaned(folder) == ["a.mp3", "歌 b.mp3"]


def test_what_something_else_wrote_to_a_former_target_is_not_own(folder: RenditionFolder) -> None:
    for name, tags in {
        "without.mp3": {},
        "others.mp3": {"catalogue": ANOTHER},
        "like-ours.mp3": {"verified": "true", "profile": "old-like-ours.mp3", "source-etag": "S1"},
    }.items():
        folder.leave(name, tagged=True)
        put(folder, name, **tags)
    assert orphaned(folder) == []


@pytest.mark.parametrize(
    ("state", "code", "own"),
    [
        (State.QUARANTINED, "Mismatch", False),
        (State.SUPERSEDED, "Mismatch", False),
        (State.SUPERSEDED, None, True),
    ],
)
def test_what_verification_refused_is_not_known_by_its_etag(
    folder: RenditionFolder, state: State, code: str | None, own: bool
) -> None:
    folder.leave("a.mp3")
    with folder.catalogue.write() as connection:
        here = conversion.c.target_key == f"{folder.root}mp3/a.mp3"
        assert connection.execute(sa.update(conversion).where(here).values(state=state.value, code=code)).rowcount
    assert orphaned(folder) == (["a.mp3"] if own else [])


def test_a_tag_alone_proves_nothing(folder: RenditionFolder) -> None:
    # As a copy that a person made of a rendition, with its tags, under a name of their own.
    put(folder, "copy of a.mp3", catalogue=folder.uid)
    put(folder, "copy of a.mp3.waveform.json", catalogue=folder.uid)
    assert orphaned(folder) == []


def test_sidecars_are_known_by_their_tag_and_their_renditions_key(folder: RenditionFolder) -> None:
    folder.leave("a.mp3")
    put(folder, "a.mp3.waveform.json", catalogue=folder.uid)
    put(folder, "a.mp3.spectrogram.png")
    put(folder, "a.mp3.txt", catalogue=folder.uid)
    assert orphaned(folder) == ["a.mp3", "a.mp3.waveform.json"]


@pytest.mark.parametrize("use", ["rendition", "source", "sidecar", "active", "sidecar of an active one"])
def test_what_a_row_describes_is_needed(folder: RenditionFolder, use: str) -> None:
    key = folder.leave("a.mp3", tagged=True)
    side = put(folder, "a.mp3.waveform.json", catalogue=folder.uid)
    assert orphaned(folder) == ["a.mp3", "a.mp3.waveform.json"]
    place = {"target_bucket": folder.name, "target_key": key}
    if use == "source":
        folder.library.add(key, state=State.SKIPPED, described={"bucket": folder.name})
    elif use in {"rendition", "sidecar"}:
        folder.library.add("b.wav", asked=place, measured={"bucket": folder.name, "key": key})
        if use == "sidecar":
            with folder.catalogue.write() as connection:
                connection.execute(sa.update(rendition).values(waveform_uri=f"oss://{folder.name}/{side}"))
    else:
        folder.library.add("b.wav", state=State.VERIFIED, asked=place)
    left = {"rendition": ["a.mp3.waveform.json"], "source": ["a.mp3.waveform.json"]}
    assert orphaned(folder) == left.get(use, [])


def test_objects_of_another_catalogue_or_of_a_person_in_staging_are_not_own(folder: RenditionFolder) -> None:
    row = folder.stage("{id}-1.mp3")
    own = folder.staged_at(f"{row}-1.mp3")
    another = own.replace(folder.uid, ANOTHER)
    before = f"{folder.staging}abcdef01/0/{row}-1.mp3"
    keys = [own, another, before, f"{folder.staging}notes.txt", f"{folder.staging}{folder.uid}/cover.jpg"]
    assert UnneededObjects(folder.catalogue).left_in_staging(folder.name, folder.staging, keys) == [own]


@pytest.mark.parametrize("table", ["conversion", "attempt"])
def test_a_staged_object_of_an_earlier_version_is_known_by_the_row_that_recorded_it(
    folder: RenditionFolder, table: str
) -> None:
    row = folder.library.add("a.wav", state=State.SUPERSEDED)
    key = f"{folder.staging}abcdef01/0/{row}-1.mp3"
    place = {"output_bucket": folder.name, "output_key": key}
    with folder.catalogue.write() as connection:
        if table == "conversion":
            connection.execute(sa.update(conversion).where(conversion.c.id == row).values(**place))
        else:
            ended = {"conversion_id": row, "number": 1, "state": "failed", "ended_at": sa.func.now()}
            connection.execute(sa.insert(attempt).values(**ended, **place))
    left = UnneededObjects(folder.catalogue).left_in_staging
    for name in (key, f"{key}.waveform.json"):
        assert left(folder.name, folder.staging, [name]) == [name]
    assert left("another-bucket", folder.staging, [key]) == []
    assert left(folder.name, folder.staging, [key.replace("-1.mp3", "-2.mp3")]) == []
