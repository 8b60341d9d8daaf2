"""SIGKILL while parts and appends come in: what was acknowledged is there, and nothing is torn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import oss2
import pytest

PART = 100 * 1024


def content_of(number: int) -> bytes:
    return number.to_bytes(4, "big") * (PART // 4)


@pytest.mark.parametrize("round_", range(2))
def test_no_acknowledged_part_or_append_is_lost_by_a_kill(
    start_local_cloud: Callable[..., Any], oss2_bucket_for: Callable[..., oss2.Bucket], round_: int
):
    cloud = start_local_cloud()
    upload = oss2_bucket_for(cloud).init_multipart_upload("joined").upload_id
    acknowledged: dict[int, oss2.models.PartInfo] = {}
    lengths: dict[int, int] = {}
    enough = threading.Event()

    def send_parts(thread: int) -> None:
        bucket = oss2_bucket_for(cloud)
        try:
            for number in range(thread + 1, 10_000, 3):
                sent = bucket.upload_part("joined", upload, number, content_of(number))
                acknowledged[number] = oss2.models.PartInfo(number, sent.etag, size=PART, part_crc=sent.crc)
                if len(acknowledged) > 6 + 5 * round_ and len(lengths) == 2:
                    enough.set()
        except oss2.exceptions.RequestError:
            pass  # the cloud was killed

    def send_appends(thread: int) -> None:
        bucket = oss2_bucket_for(cloud)
        try:
            for number in range(10_000):
                lengths[thread] = bucket.append_object(f"log-{thread}", number * PART, content_of(number)).next_position
        except oss2.exceptions.RequestError:
            pass  # the cloud was killed

    with ThreadPoolExecutor(5) as threads:
        writers = [threads.submit(send_parts, thread) for thread in range(3)]
        writers += [threads.submit(send_appends, thread) for thread in range(2)]
        assert enough.wait(30)
        cloud.kill()
        for writer in writers:
            writer.result()
    cloud.start()

    bucket = oss2_bucket_for(cloud)
    there = {part.part_number: part.etag for part in oss2.PartIterator(bucket, "joined", upload)}
    assert {number: part.etag for number, part in acknowledged.items()}.items() <= there.items()
    blobs = [path for path in (cloud.data / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == len(there) + bucket.get_bucket_stat().object_count
    parts = [acknowledged[number] for number in sorted(acknowledged)]
    bucket.complete_multipart_upload("joined", upload, parts)
    whole = b"".join(content_of(number) for number in sorted(acknowledged))
    assert bucket.get_object("joined").read() == whole

    for thread, length in lengths.items():
        head = bucket.head_object(f"log-{thread}")
        # The append that was under way when the cloud died may have been finished; it may not be torn.
        assert head.content_length in (length, length + PART)
        numbers = range(head.content_length // PART)
        assert bucket.get_object(f"log-{thread}").read() == b"".join(map(content_of, numbers))
        grown = bucket.append_object(f"log-{thread}", head.content_length, b"end")
        assert grown.next_position == head.content_length + 3
        assert bucket.get_object(f"log-{thread}").read().endswith(b"end")


def test_uploads_go_on_after_a_restart(
    start_local_cloud: Callable[..., Any], oss2_bucket_for: Callable[..., oss2.Bucket]
):
    cloud = start_local_cloud()
    bucket = oss2_bucket_for(cloud)
    upload = bucket.init_multipart_upload("x", headers={"Content-Type": "audio/flac", "x-oss-meta-a": "1"}).upload_id
    first = bucket.upload_part("x", upload, 1, content_of(1))
    cloud.restart()
    bucket = oss2_bucket_for(cloud)
    second = bucket.upload_part("x", upload, 2, content_of(2))
    parts = [oss2.models.PartInfo(1, first.etag), oss2.models.PartInfo(2, second.etag)]
    bucket.complete_multipart_upload("x", upload, parts)
    cloud.restart()
    read = oss2_bucket_for(cloud).get_object("x")
    assert read.read() == content_of(1) + content_of(2)
    assert (read.headers["content-type"], read.headers["x-oss-meta-a"]) == ("audio/flac", "1")
