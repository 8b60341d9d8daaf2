"""Cleaning a bucket that is shared: of a person's files, and of another catalogue's, every one stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.audio_convert.verify_policy import VerifyPolicy
from oss_audio_core.catalogue import open_catalogue
from oss_audio_core.catalogue.bucket_check import Kind, check
from oss_audio_core.catalogue.bucket_repair import deletable, delete

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

Wav = Callable[..., bytes]
AT_ONCE = timedelta(days=-1)


@pytest.fixture
def ours(steps: Steps, empty_database: sa.URL, tmp_path: Path) -> Iterator[Steps]:
    """A catalogue on each database, with a name of its own among those that the tests share a bucket with."""
    own_file = {"database": str(tmp_path / "ours.db")} if empty_database.get_backend_name() == "sqlite" else {}
    opened = open_catalogue(empty_database.set(**own_file))
    yield replace(steps, catalogue=opened)
    opened.close()


@pytest.fixture
def theirs(steps: Steps, tmp_path: Path) -> Iterator[Steps]:
    """Another catalogue, whose batches write below the same staging prefix of the same bucket."""
    opened = open_catalogue(f"sqlite:///{tmp_path / 'theirs.db'}")
    yield replace(steps, catalogue=opened, prefix=f"theirs-{steps.prefix}")
    opened.close()


def flac(target_key: str = "out/{dirname}/{barename}.flac") -> Profile:
    return Profile(
        name="flac",
        description="",
        convert=AudioConvert(f="flac"),
        target_key=target_key,
        verify=VerifyPolicy.from_texts({"waveform": "beside"}),
    )


def objects(steps: Steps, *prefixes: str) -> dict[str, str]:
    """Key and ETag of everything below the prefixes."""
    bucket = steps.oss.bucket(steps.bucket)
    pages = (bucket.list_objects_v2(prefix=prefix, max_keys=1000).object_list for prefix in prefixes)
    return {one.key: one.etag for page in pages for one in page}


def clean(steps: Steps) -> list[str]:
    """Check, and delete all that may be deleted. Returns the keys."""
    found = list(check(steps.catalogue, steps.oss))
    chosen = deletable(found, {Kind.ORPHANED, Kind.STAGED}, settled=AT_ONCE)
    return sorted(one.key for one in delete(steps.catalogue, steps.oss, chosen, staging=".staging/"))


def publish(steps: Steps, profile: Profile) -> None:
    batch = steps.to_converted(profiles=[profile])
    assert steps.verify(batch, profile) == {"verified": 1}
    assert steps.publish(batch) == {"published": 1}


def test_files_beside_renditions_stay_and_a_left_rendition_goes(ours: Steps, wav: Wav) -> None:
    folder = f"out/{ours.prefix}"
    bucket = ours.oss.bucket(ours.bucket)
    names = ["cover.jpg", "notes.txt", "a master.flac", "a.flac.png", "._a.flac", "a.v2.flac.spectrogram.png"]
    for name in names:
        bucket.put_object(folder + name, name.encode())
    persons = objects(ours, folder)
    ours.put("a.wav", wav(0.5))
    publish(ours, flac())
    # The profile's target moves: the rendition that stood at the old one is left.
    publish(ours, flac("out/{dirname}/{barename}.v2.flac"))
    new = objects(ours, f"{folder}a.v2.flac")
    assert objects(ours, folder).keys() == persons.keys() | new.keys() | {f"{folder}a.flac"}
    assert clean(ours) == [f"{folder}a.flac"]
    assert objects(ours, folder) == persons | new
    # A person takes the free key. The catalogue knows it as a former target, and leaves it alone.
    bucket.put_object(f"{folder}a.flac", b"a master")
    assert clean(ours) == []
    assert bucket.get_object(f"{folder}a.flac").read() == b"a master"


def test_what_another_catalogue_has_staged_is_published_after_a_cleaning(ours: Steps, theirs: Steps, wav: Wav) -> None:
    for steps in (ours, theirs):
        steps.put("a.wav", wav(0.5))
    profile = flac()
    batches = {steps.catalogue_uid: steps.to_converted(profiles=[profile]) for steps in (ours, theirs)}
    bucket = ours.oss.bucket(ours.bucket)
    bucket.put_object(f".staging/{ours.prefix}notes.txt", b"a person's")
    # An attempt that was given up writes late.
    late = str(ours.row().output_key).replace("-1.flac", "-0.flac")
    bucket.put_object(late, b"late")
    own = f".staging/{ours.catalogue_uid}/"
    assert str(ours.row().output_key).startswith(own)
    staged = objects(ours, ".staging/")
    assert clean(ours) == [late]
    assert objects(ours, ".staging/") == {key: etag for key, etag in staged.items() if key != late}
    assert clean(theirs) == []
    for steps in (theirs, ours):
        assert steps.verify(batches[steps.catalogue_uid], profile) == {"verified": 1}
        assert steps.publish(batches[steps.catalogue_uid]) == {"published": 1}
    assert objects(ours, own) == {}
    assert objects(ours, f".staging/{ours.prefix}") != {}
