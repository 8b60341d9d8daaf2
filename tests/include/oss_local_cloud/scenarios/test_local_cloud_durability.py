"""What the object API acknowledged is there after a restart and after SIGKILL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import oss2
import pytest

KEYS = 7  # so that objects are overwritten while the cloud is killed


def content_of(thread: int, number: int) -> bytes:
    return f"{thread} {number} ".encode() * (1 + number % 5) * 700


def bucket_of(cloud: Any) -> oss2.Bucket:
    auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    return oss2.Bucket(auth, cloud.oss, cloud.bucket, region=cloud.region, session=oss2.Session())


def test_objects_survive_a_restart(start_local_cloud: Callable[..., Any]):
    cloud = start_local_cloud()
    addresses = (cloud.oss, cloud.smq, cloud.imm)
    bucket = bucket_of(cloud)
    bucket.put_object("a 中.mp3", b"content", headers={"x-oss-tagging": "k=v", "x-oss-meta-a": "1"})
    bucket.session.session.close()
    cloud.restart()
    assert (cloud.oss, cloud.smq, cloud.imm) == addresses
    bucket = bucket_of(cloud)
    assert bucket.get_object("a 中.mp3").read() == b"content"
    assert bucket.head_object("a 中.mp3").headers["x-oss-meta-a"] == "1"
    assert bucket.get_object_tagging("a 中.mp3").tag_set.tagging_rule == {"k": "v"}
    bucket.session.session.close()


@pytest.mark.parametrize("round_", range(3))
def test_no_acknowledged_write_is_lost_by_a_kill(start_local_cloud: Callable[..., Any], round_: int):
    cloud = start_local_cloud()
    acknowledged: dict[str, int] = {}
    enough = threading.Event()

    def write(thread: int) -> None:
        bucket = bucket_of(cloud)
        try:
            for number in range(10_000):
                key = f"{thread}/{number % KEYS}"
                bucket.put_object(key, content_of(thread, number))
                acknowledged[key] = number
                if len(acknowledged) > 10 + 5 * round_:
                    enough.set()
        except oss2.exceptions.RequestError:
            pass  # the cloud was killed
        finally:
            bucket.session.session.close()

    with ThreadPoolExecutor(4) as threads:
        writers = [threads.submit(write, thread) for thread in range(4)]
        assert enough.wait(30)
        cloud.kill()
        for writer in writers:
            writer.result()
    cloud.start()
    bucket = bucket_of(cloud)
    for key, number in acknowledged.items():
        thread = int(key.partition("/")[0])
        # The write that was under way when the cloud died may have been finished; it may not be torn.
        possible = (content_of(thread, number), content_of(thread, number + KEYS))
        assert bucket.get_object(key).read() in possible
    blobs = [path for path in (cloud.data / "blobs").rglob("*") if path.is_file()]
    stored = bucket.get_bucket_stat().object_count
    assert len(blobs) == stored, "every file belongs to an object"
    bucket.session.session.close()
