"""Events of acknowledged writes reach their topic over `kill -9`; renditions have events too."""

from __future__ import annotations

import threading
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import oss2
import pytest

PATIENCE_SECONDS = 30


@pytest.mark.parametrize("round_", range(2))
def test_events_of_acknowledged_writes_are_published_over_a_kill(
    start_local_cloud: Callable[..., Any],
    listen: Callable[..., Any],
    bucket_of: Callable[..., oss2.Bucket],
    round_: int,
) -> None:
    cloud = start_local_cloud(flags=("--event-rule", "bucket=audio,topic=t"))
    listener = listen(cloud, "t")
    acknowledged: set[str] = set()
    enough = threading.Event()

    def write(thread: int) -> None:
        bucket = bucket_of(cloud)
        try:
            for number in range(10_000):
                key = f"{thread}/{number}"
                bucket.put_object(key, b"x" * number)
                acknowledged.add(key)
                if len(acknowledged) > 20 + 7 * round_:
                    enough.set()
        except oss2.exceptions.RequestError:
            pass  # the cloud was killed

    with ThreadPoolExecutor(4) as threads:
        writers = [threads.submit(write, thread) for thread in range(4)]
        assert enough.wait(PATIENCE_SECONDS)
        cloud.kill()
        for writer in writers:
            writer.result()
    cloud.start()
    listener = listen(cloud, "t")
    told: set[str] = set()
    while not acknowledged <= told:
        told.add(listener.event(wait_seconds=25)["oss"]["object"]["key"])


def test_a_rendition_has_an_event(
    start_local_cloud: Callable[..., Any],
    listen: Callable[..., Any],
    bucket_of: Callable[..., oss2.Bucket],
    tmp_path: Path,
) -> None:
    cloud = start_local_cloud(flags=("--event-rule", "bucket=audio,topic=t,prefix=out/"))
    listener, bucket = listen(cloud, "t"), bucket_of(cloud)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(3200))
    bucket.put_object_from_file("in/a.wav", str(tmp_path / "a.wav"))
    # "out/a.mp3" in URL-safe Base64
    bucket.async_process_object("in/a.wav", "audio/convert,f_mp3|sys/saveas,o_b3V0L2EubXAz")
    event = listener.event()
    assert event["eventName"] == "ObjectCreated:PutObject"
    assert event["oss"]["object"]["key"] == "out/a.mp3"
    assert event["oss"]["object"]["size"] == bucket.head_object("out/a.mp3").content_length
