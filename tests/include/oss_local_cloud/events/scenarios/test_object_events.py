"""Events over real sockets: objects written by oss2, events read by aliyun-mns-sdk."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import oss2
import pytest

from oss_local_cloud.events.event_rules import CREATING
from oss_local_cloud.oss.operations import OPERATIONS

OK = {
    "x-oss-process-status": {
        "code": "Success",
        "message": "NotificationSucceed",
        "type": "EventNotification",
        "version": "1.0",
    },
    "x-oss-event-status": {"Result": "Ok"},
}


def statuses(result: Any) -> dict[str, Any]:
    """The two headers about events, decoded."""
    return {
        name: json.loads(base64.b64decode(result.headers[name], validate=True))
        for name in ("x-oss-process-status", "x-oss-event-status")
        if name in result.headers
    }


def test_the_event_of_a_put_has_the_documented_fields(
    start_local_cloud: Callable[..., Any], listen: Callable[..., Any], bucket_of: Callable[..., oss2.Bucket]
) -> None:
    cloud = start_local_cloud(flags=("--event-rule", "bucket=audio,topic=uploads,prefix=in/,suffix=.wav,name=new"))
    listener, bucket = listen(cloud, "uploads"), bucket_of(cloud)
    before = datetime.now(UTC).replace(microsecond=0)
    result = bucket.put_object("in/ä 中+%.wav", b"12345678")
    assert statuses(result) == OK
    event = listener.event()
    assert before <= datetime.fromisoformat(event.pop("eventTime")) <= datetime.now(UTC)
    assert event == {
        "eventName": "ObjectCreated:PutObject",
        "eventSource": "acs:oss",
        "eventVersion": "1.0",
        "oss": {
            "bucket": {
                "arn": "acs:oss:local-1:1000000000000001:audio",
                "name": "audio",
                "ownerIdentity": "1000000000000001",
                "virtualBucket": "",
            },
            "object": {
                "deltaSize": 8,
                "eTag": "25D55AD283AA400AF464C76D713C07AD",
                "key": "in/ä 中+%.wav",
                "size": 8,
            },
            "ossSchemaVersion": "1.0",
            "ruleId": "new",
        },
        "region": "local-1",
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"requestId": result.request_id},
        "userIdentity": {"principalId": "1000000000000001"},
    }

    assert statuses(bucket.put_object("in/ä 中+%.wav", b"123")) == OK
    assert listener.event()["oss"]["object"]["deltaSize"] == -5
    for key in ("in/a.mp3", "out/a.wav"):
        assert statuses(bucket.put_object(key, b"x")) == {}
    assert statuses(bucket.delete_object("in/ä 中+%.wav")) == {}
    assert listener.nothing()


def put(bucket: oss2.Bucket, key: str) -> Any:
    return bucket.put_object(key, b"content")


def copy(bucket: oss2.Bucket, key: str) -> Any:
    bucket.put_object("source", b"content")
    return bucket.copy_object(bucket.bucket_name, "source", key)


def append(bucket: oss2.Bucket, key: str) -> Any:
    bucket.append_object(key, 0, b"con")
    return bucket.append_object(key, 3, b"tent")


def multipart(bucket: oss2.Bucket, key: str) -> Any:
    upload = bucket.init_multipart_upload(key).upload_id
    part = bucket.upload_part(key, upload, 1, b"content")
    return bucket.complete_multipart_upload(key, upload, [oss2.models.PartInfo(1, part.etag)])


def symlink(bucket: oss2.Bucket, key: str) -> Any:
    bucket.put_object("source", b"content")
    return bucket.put_symlink("source", key)


CALLS: dict[str, Callable[[oss2.Bucket, str], Any]] = {
    "PutObject": put,
    "CopyObject": copy,
    "AppendObject": append,
    "CompleteMultipartUpload": multipart,
    "PutSymlink": symlink,
}
DONE = sorted({operation.name for operation in OPERATIONS if operation.handler and operation.name in CREATING})


def test_every_operation_that_creates_objects_has_an_event(
    start_local_cloud: Callable[..., Any], listen: Callable[..., Any], bucket_of: Callable[..., oss2.Bucket]
) -> None:
    cloud = start_local_cloud(flags=("--event-rule", "bucket=audio,topic=all,prefix=told/"))
    listener, bucket = listen(cloud, "all"), bucket_of(cloud)
    for operation in DONE:
        assert statuses(CALLS[operation](bucket, f"told/{operation}")) == OK
        events = [listener.event()]
        while not listener.nothing():
            events.append(listener.event())
        assert {event["eventName"] for event in events} == {f"ObjectCreated:{operation}"}
        told = events[-1]["oss"]["object"]
        assert told["key"] == f"told/{operation}"
        if operation == "AppendObject":
            assert [event["oss"]["object"]["position"] for event in events] == [0, 3]
            assert (told["size"], told["deltaSize"]) == (7, 4)
        elif operation != "PutSymlink":
            assert (told["size"], told["deltaSize"]) == (7, 7)


def test_the_response_names_a_missing_topic(
    start_local_cloud: Callable[..., Any], listen: Callable[..., Any], bucket_of: Callable[..., oss2.Bucket]
) -> None:
    rules = ("--event-rule", "bucket=audio,topic=gone", "--event-rule", "bucket=audio,topic=there,events=PutObject")
    cloud = start_local_cloud(flags=rules)
    listener, bucket = listen(cloud, "there"), bucket_of(cloud)
    listener._account.get_topic("gone").delete()
    found = statuses(bucket.put_object("a", b"x"))
    assert found["x-oss-process-status"]["code"] == "Fail"
    assert found["x-oss-process-status"]["message"] == "TopicNotExist"
    assert found["x-oss-event-status"] == {"Result": "TopicNotExist"}
    assert listener.event()["oss"]["ruleId"] == "audio-there"


def test_a_failed_write_has_no_event(
    start_local_cloud: Callable[..., Any], listen: Callable[..., Any], bucket_of: Callable[..., oss2.Bucket]
) -> None:
    cloud = start_local_cloud(flags=("--event-rule", "bucket=audio,topic=t"))
    listener, bucket = listen(cloud, "t"), bucket_of(cloud)
    bucket.put_object("a", b"x")
    listener.event()
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        bucket.put_object("a", b"y", headers={"x-oss-forbid-overwrite": "true"})
    assert "x-oss-process-status" not in caught.value.headers
    assert listener.nothing()


def test_rules_are_kept_replaced_and_removed(
    start_local_cloud: Callable[..., Any], listen: Callable[..., Any], bucket_of: Callable[..., oss2.Bucket]
) -> None:
    cloud = start_local_cloud(flags=("--event-rule", "bucket=audio,topic=first"))
    listen(cloud, "first").close()
    for flags, told in (((), True), (("--event-rule", "bucket=audio,topic=t,prefix=in/"), False), ((), False)):
        cloud._flags = flags
        cloud.restart()
        bucket = bucket_of(cloud)
        assert bool(statuses(bucket.put_object("a", b"x"))) is told
        assert bool(statuses(bucket.put_object("in/a", b"x"))) is True
    cloud._flags = ("--event-rule", "none")
    cloud.restart()
    assert statuses(bucket_of(cloud).put_object("in/a", b"x")) == {}
