"""Objects over the limit of one copy go in parts, under the same guard and behind the same fence."""

from __future__ import annotations

import io
import random
import wave
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import oss2
import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.catalogue import CatalogueUnavailable, State
from oss_audio_core.catalogue.schema import rendition
from oss_audio_core.oss.retry import TRIES
from oss_audio_core.oss.sdk import load_oss2
from oss_audio_core.pipeline import part_copy, publishing
from oss_audio_core.pipeline.part_copy import CopyDiffersError, Source, copy_in_parts
from oss_audio_core.pipeline.part_uploads import PartUploads

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Proxy, Steps

KIB = 1024
FLAC = Profile(
    name="flac", description="", convert=AudioConvert(f="flac", ar=48000), target_key="out/{dirname}/{barename}.flac"
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of a gigabyte, cut to what OSS takes at least for a part."""
    monkeypatch.setattr(part_copy, "LIMIT", 100 * KIB)
    monkeypatch.setattr(part_copy, "PART", 100 * KIB)


def noise(seconds: float = 2.0) -> bytes:
    """A WAV of noise, which FLAC can't make small."""
    count = int(seconds * 48000)
    samples = random.Random(count).randbytes(2 * count)
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(48000)
        sound.writeframes(samples)
    return target.getvalue()


def to_verified(steps: Steps, content: bytes, name: str = "a.wav") -> int:
    steps.put(name, content)
    batch = steps.to_converted(profiles=[FLAC])
    assert steps.verify(batch, FLAC) == {"verified": 1}
    assert (steps.rows()[-1].output_size or 0) > part_copy.LIMIT
    return batch


def uploads(steps: Steps) -> list[Any]:
    return list(load_oss2().MultipartUploadIterator(steps.oss.bucket(steps.bucket), prefix=f"out/{steps.prefix}"))


def entered(steps: Steps) -> Any:
    """The one rendition's row, which must be the object that stands at its key."""
    with steps.catalogue.read() as connection:
        row = connection.execute(sa.select(rendition)).one()
    there = steps.oss.bucket(row.bucket).head_object(row.key)
    assert (there.etag, there.content_length, str(there.server_crc)) == (row.etag, row.size, row.crc64)
    return row


def test_a_large_rendition_is_copied_in_parts_with_its_tags_and_type(steps: Steps, oss_proxy: Proxy) -> None:
    batch = to_verified(steps, noise())
    size = steps.row().output_size or 0
    verified_etag = steps.row().output_etag
    assert steps.publish(batch, endpoint=oss_proxy.address) == {"published": 1}
    row = entered(steps)
    assert row.etag != verified_etag
    parts = [one for one in oss_proxy.requests if one.startswith("PUT ") and "partNumber=" in one]
    assert len(parts) == -(-size // part_copy.PART) > 1
    bucket = steps.oss.bucket(row.bucket)
    assert bucket.get_object_tagging(row.key).tag_set.tagging_rule == row.tags
    assert bucket.head_object(row.key).content_type == "audio/flac"
    assert steps.keys(".staging/" + steps.prefix) == uploads(steps) == []


def test_a_part_that_is_refused_ends_the_upload(steps: Steps, oss_proxy: Proxy) -> None:
    batch = to_verified(steps, noise())
    oss_proxy.refuse(b"partNumber=2", "503 Service Unavailable", "ServiceUnavailable", times=TRIES)
    with pytest.raises(oss2.exceptions.ServerError):
        steps.publish(batch, endpoint=oss_proxy.address)
    assert (steps.row().state, uploads(steps)) == (State.VERIFIED, [])
    assert steps.publish(batch) == {"published": 1}
    assert entered(steps)


def test_an_output_that_changes_between_two_parts_is_not_published(steps: Steps, oss_proxy: Proxy) -> None:
    batch = to_verified(steps, noise())
    staged = steps.row().output_key

    def meanwhile(answer: bytes) -> bytes:
        steps.oss.bucket(steps.bucket).put_object(staged, bytes(200 * KIB))
        return answer

    oss_proxy.spoil(b"partNumber=1", meanwhile)
    assert steps.publish(batch, endpoint=oss_proxy.address) == {"quarantined": 1}
    assert (steps.row().code, uploads(steps), steps.keys(steps.row().target_key)) == ("OutputChanged", [], [])


@pytest.mark.parametrize("name", ["a.wav", "a.aiff"], ids=["of an older generation", "of a former owner"])
def test_a_late_copy_can_not_be_completed(steps: Steps, oss_proxy: Proxy, name: str) -> None:
    first = to_verified(steps, noise(2.0))

    def meanwhile(answer: bytes) -> bytes:
        # All parts of the first one are there when what comes after it is published.
        steps.oss.bucket(steps.bucket).delete_object(f"{steps.prefix}a.wav")
        assert steps.publish(to_verified(steps, noise(2.5), name)) == {"published": 1}
        return answer

    last = -(-(steps.row().output_size or 0) // part_copy.PART)
    oss_proxy.spoil(f"partNumber={last}".encode(), meanwhile)
    assert steps.publish(first, endpoint=oss_proxy.address) == {"superseded": 1}
    assert [one.state for one in steps.rows()] == [State.SUPERSEDED, State.PUBLISHED]
    assert entered(steps)
    assert uploads(steps) == []


def test_a_copy_can_not_be_completed_that_another_publisher_made_long_ago(steps: Steps, oss_proxy: Proxy) -> None:
    first = to_verified(steps, noise(2.0))

    def meanwhile(answer: bytes) -> bytes:
        # Another publisher has published the same and removed its staged object; then comes the next generation.
        assert steps.publish(first) == {"published": 1}
        assert steps.row().output_key is None
        assert steps.publish(to_verified(steps, noise(2.5))) == {"published": 1}
        return answer

    last = -(-(steps.row().output_size or 0) // part_copy.PART)
    oss_proxy.spoil(f"partNumber={last}".encode(), meanwhile)
    assert steps.publish(first, endpoint=oss_proxy.address) == {"superseded": 1}
    assert [one.state for one in steps.rows()] == [State.SUPERSEDED, State.PUBLISHED]
    assert entered(steps)
    assert uploads(steps) == []


def test_a_copy_that_another_publisher_ended_is_left_for_the_next_try(steps: Steps, oss_proxy: Proxy) -> None:
    batch = to_verified(steps, noise())

    def ended(answer: bytes) -> bytes:
        PartUploads(steps.catalogue, steps.oss, steps.oss.session()).abort_of([steps.row().id])
        return answer

    oss_proxy.spoil(b"partNumber=2", ended)
    with pytest.raises(oss2.exceptions.NoSuchUpload):
        steps.publish(batch, endpoint=oss_proxy.address)
    assert steps.row().state is State.VERIFIED
    assert steps.publish(batch) == {"published": 1}


class Record:
    """Notes what a copy tells about its upload."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []

    def begin(self, upload_id: str) -> None:
        self.begun.append(upload_id)

    def end(self, upload_id: str) -> None:
        self.ended.append(upload_id)


def test_a_copy_with_another_checksum_is_taken_away(steps: Steps) -> None:
    bucket = steps.oss.bucket(steps.bucket)
    content = bytes(250 * KIB)
    put = bucket.put_object(f"{steps.prefix}from", content)
    wrong = Source(steps.bucket, f"{steps.prefix}from", put.etag, len(content), str(put.crc + 1))
    record = Record()
    with pytest.raises(CopyDiffersError, match=f"{len(content)} bytes, CRC-64 {put.crc} instead of {len(content)} by"):
        copy_in_parts(bucket, wrong, f"{steps.prefix}to", {}, record)
    assert steps.keys(f"{steps.prefix}to") == []
    assert record.begun == record.ended != []


def test_no_part_is_copied_before_the_upload_is_recorded(steps: Steps, oss_proxy: Proxy) -> None:
    bucket = replace(steps.oss, endpoint=oss_proxy.address).bucket(steps.bucket)
    put = bucket.put_object(f"{steps.prefix}from", bytes(250 * KIB))

    class Refusing(Record):
        def begin(self, upload_id: str) -> None:
            raise CatalogueUnavailable("the catalogue is away")

    source = Source(steps.bucket, f"{steps.prefix}from", put.etag, 250 * KIB, None)
    with pytest.raises(CatalogueUnavailable):
        copy_in_parts(bucket, source, f"{steps.prefix}to", {}, Refusing())
    assert not [one for one in oss_proxy.requests if "partNumber=" in one]
    assert list(load_oss2().MultipartUploadIterator(bucket, prefix=steps.prefix)) == []


def test_a_copy_that_differs_is_quarantined(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = to_verified(steps, noise())

    def differs(*_: Any) -> str:
        raise CopyDiffersError("the copy differs")

    monkeypatch.setattr(publishing, "copy_in_parts", differs)
    assert steps.publish(batch) == {"quarantined": 1}
    assert (steps.row().code, steps.row().message) == ("CopyDiffers", "the copy differs")
