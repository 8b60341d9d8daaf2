"""Whether sources exist is asked once; what was not asked about is taken to exist."""

from __future__ import annotations

import oss2
import pytest

from oss_audio_core.pipeline.source_existence import SourceExistence


class Bucket:
    """A bucket that has `here.wav` alone and counts the HEADs."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def head_object(self, key: str) -> None:
        self.asked.append(key)
        if key == "broken.wav":
            raise oss2.exceptions.ServerError(503, {}, b"", {})
        if key != "here.wav":
            raise oss2.exceptions.NotFound(404, {}, b"", {})


def test_each_source_is_asked_about_once() -> None:
    bucket = Bucket()
    existence = SourceExistence(bucket)
    assert existence.is_unknown("gone.wav")
    existence.ask(["gone.wav", "here.wav", "gone.wav"])
    existence.ask(["here.wav"])
    assert sorted(bucket.asked) == ["gone.wav", "here.wav"]
    assert (existence.is_gone("gone.wav"), existence.is_gone("here.wav")) == (True, False)
    assert not existence.is_unknown("here.wav")


def test_an_unknown_source_is_taken_to_exist() -> None:
    existence = SourceExistence(Bucket())
    assert existence.is_unknown("other.wav")
    assert not existence.is_gone("other.wav")


def test_without_a_bucket_every_source_exists() -> None:
    existence = SourceExistence(None)
    assert not existence.can_ask
    assert not existence.is_unknown("a.wav")
    assert not existence.is_gone("a.wav")


def test_no_answer_is_no_absence() -> None:
    existence = SourceExistence(Bucket())
    with pytest.raises(oss2.exceptions.ServerError):
        existence.ask(["broken.wav"])
    assert not existence.is_gone("broken.wav")
