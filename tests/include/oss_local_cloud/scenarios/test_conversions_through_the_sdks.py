"""The whole way, as a program that uses the cloud goes it: upload, submit, read the rendition, be told."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import time
import wave
from collections.abc import Callable
from typing import Any

import alibabacloud_oss_v2 as oss_v2
import oss2
import pytest
from alibabacloud_oss_v2 import aio as oss_v2_aio
from mns.account import Account
from mns.mns_exception import MNSServerException

SECONDS = 30


def one_second_of_silence() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setparams((1, 2, 16_000, 0, "NONE", ""))
        audio.writeframes(bytes(32_000))
    return file.getvalue()


def process(key: str, topic: str) -> str:
    def encoded(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    return f"audio/convert,f_mp3|sys/saveas,o_{encoded(key)}/notify,topic_{encoded(topic)}"


@pytest.fixture
def bucket(local_cloud: Any) -> oss2.Bucket:
    return bucket_of(local_cloud)


def bucket_of(cloud: Any, version: str = "V4") -> oss2.Bucket:
    auth = {"V1": oss2.Auth, "V2": oss2.AuthV2, "V4": oss2.AuthV4}[version]
    return oss2.Bucket(
        auth(cloud.access_key_id, cloud.access_key_secret),
        cloud.oss,
        cloud.bucket,
        region=cloud.region,
        session=oss2.Session(),
    )


def notifications(cloud: Any, task_ids: list[str]) -> list[dict[str, Any]]:
    """What the queue says about tasks, in their order; other messages are passed over."""
    found: dict[str, dict[str, Any]] = {}
    account = Account(cloud.smq, cloud.access_key_id, cloud.access_key_secret)
    queue = account.get_queue(cloud.queue)
    queue.set_encoding(False)
    deadline = time.monotonic() + SECONDS
    while not set(task_ids) <= set(found):
        assert time.monotonic() < deadline, f"no notification about {set(task_ids) - set(found)}"
        # The queue answers MessageNotExist when nothing came within the wait.
        with contextlib.suppress(MNSServerException):
            message = queue.receive_message(5)
            queue.delete_message(message.receipt_handle)
            content: dict[str, Any] = json.loads(json.loads(message.message_body)["content"])
            found[content["TaskId"]] = content
    account.mns_client.close_connection()
    return [found[task_id] for task_id in task_ids]


@pytest.mark.parametrize("version", ["V1", "V2", "V4"])
def test_oss2_submits(local_cloud: Any, version: str):
    bucket = bucket_of(local_cloud, version)
    bucket.put_object(f"in/{version} 源.wav", one_second_of_silence())
    target = f"out/{version} 源.mp3"
    answer = bucket.async_process_object(f"in/{version} 源.wav", process(target, local_cloud.topic))
    assert answer.status == 200
    assert answer.task_id.startswith("MediaConvert-")
    assert answer.event_id
    assert answer.async_request_id
    (told,) = notifications(local_cloud, [answer.task_id])
    assert (told["Status"], told["Code"]) == ("Succeeded", "")
    assert bucket.head_object(target).content_type == "audio/mpeg"
    bucket.session.session.close()


async def test_oss_v2_submits_synchronously_and_by_asyncio(local_cloud: Any, bucket: oss2.Bucket):
    bucket.put_object("in/v2.wav", one_second_of_silence())
    config = oss_v2.config.load_default()
    config.credentials_provider = oss_v2.credentials.StaticCredentialsProvider(
        local_cloud.access_key_id, local_cloud.access_key_secret
    )
    config.region, config.endpoint = local_cloud.region, local_cloud.oss

    def request(key: str) -> oss_v2.AsyncProcessObjectRequest:
        return oss_v2.AsyncProcessObjectRequest(
            local_cloud.bucket, "in/v2.wav", process=process(key, local_cloud.topic)
        )

    submitted = [oss_v2.Client(config).async_process_object(request("out/sync.mp3"))]
    client = oss_v2_aio.AsyncClient(config)
    try:
        submitted.append(await client.async_process_object(request("out/aio.mp3")))
    finally:
        await client.close()
    for answer in submitted:
        assert answer.task_id.startswith("MediaConvert-")
        assert answer.event_id
        assert answer.process_request_id
    told = notifications(local_cloud, [answer.task_id for answer in submitted])
    assert [content["Status"] for content in told] == ["Succeeded", "Succeeded"]
    assert bucket.object_exists("out/sync.mp3")
    assert bucket.object_exists("out/aio.mp3")
    bucket.session.session.close()


def test_what_was_accepted_is_finished_after_a_kill(start_local_cloud: Callable[..., Any]):
    cloud = start_local_cloud(flags=("--workers", "1"))
    bucket = bucket_of(cloud)
    bucket.put_object("in.wav", one_second_of_silence())
    tasks = [
        bucket.async_process_object("in.wav", process(f"out/{number}.mp3", cloud.topic)).task_id for number in range(5)
    ]
    cloud.kill()
    cloud.start()
    assert all(content["Status"] == "Succeeded" for content in notifications(cloud, tasks))
    assert [o.key for o in oss2.ObjectIteratorV2(bucket, prefix="out/")] == [f"out/{n}.mp3" for n in range(5)]
    bucket.session.session.close()
