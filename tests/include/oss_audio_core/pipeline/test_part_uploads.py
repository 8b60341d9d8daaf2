"""Uploads in parts: the catalogue's own are aborted when they are over, and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from oss_audio_core.catalogue import State, part_copies
from oss_audio_core.oss.sdk import load_oss2
from oss_audio_core.pipeline.part_uploads import PartUploads

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

Wav = Callable[..., bytes]


def unfinished(steps: Steps, key: str) -> list[str]:
    bucket = steps.oss.bucket(steps.bucket)
    return [one.upload_id for one in load_oss2().MultipartUploadIterator(bucket, prefix=key)]


def begun_for(steps: Steps) -> list[str]:
    with steps.catalogue.read() as connection:
        return [one.upload_id for one in part_copies.begun_for(connection, [one.id for one in steps.rows()])]


def begin(steps: Steps, *, recorded: bool) -> str:
    """Begin an upload to the target of the newest conversion, as a publisher does that breaks off, or as a user."""
    one = steps.rows()[-1]
    upload: str = steps.oss.bucket(one.target_bucket).init_multipart_upload(one.target_key).upload_id
    if recorded:
        PartUploads(steps.catalogue, steps.oss, steps.oss.session()).record_of(one).begin(upload)
    return upload


def to_verified(steps: Steps, content: bytes) -> int:
    steps.put("a.wav", content)
    batch = steps.to_converted("mobile-mp3")
    assert steps.verify(batch) == {"verified": 1}
    return batch


def test_a_copy_that_broke_off_is_aborted_with_its_batch_and_an_upload_of_a_user_is_not(steps: Steps, wav: Wav) -> None:
    batch = to_verified(steps, wav(0.2))
    broken, users = begin(steps, recorded=True), begin(steps, recorded=False)
    key = steps.row().target_key
    assert sorted(unfinished(steps, key)) == sorted([broken, users])
    assert steps.publish(batch) == {"published": 1}
    assert (unfinished(steps, key), begun_for(steps)) == ([users], [])


def test_a_newer_generation_aborts_the_copies_of_older_ones_and_no_upload_of_a_user(steps: Steps, wav: Wav) -> None:
    to_verified(steps, wav(0.2))
    begin(steps, recorded=True)
    users = begin(steps, recorded=False)
    newer = to_verified(steps, wav(0.3))
    assert steps.publish(newer) == {"published": 1}
    assert [one.state for one in steps.rows()] == [State.VERIFIED, State.PUBLISHED]
    assert (unfinished(steps, steps.rows()[-1].target_key), begun_for(steps)) == ([users], [])


@pytest.mark.parametrize("over", ["aborted", "completed"])
def test_an_upload_that_is_over_is_forgotten(steps: Steps, wav: Wav, over: str) -> None:
    to_verified(steps, wav(0.2))
    upload, key = begin(steps, recorded=True), steps.row().target_key
    bucket: Any = steps.oss.bucket(steps.bucket)
    if over == "aborted":
        bucket.abort_multipart_upload(key, upload)
    else:
        part = bucket.upload_part(key, upload, 1, b"x")
        bucket.complete_multipart_upload(key, upload, [load_oss2().models.PartInfo(1, part.etag)])
    PartUploads(steps.catalogue, steps.oss, steps.oss.session()).abort_of([steps.row().id])
    assert begun_for(steps) == []
    assert steps.keys(key) == ([key] if over == "completed" else [])
