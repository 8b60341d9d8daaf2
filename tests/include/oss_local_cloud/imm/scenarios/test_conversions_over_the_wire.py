"""The whole way over sockets: oss2 submits, SMQ tells, IMM's own SDK asks, and nothing is lost by kill -9."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import oss2
import pytest
from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from mns.account import Account
from mns.mns_exception import MNSServerException

from oss_local_cloud.imm.ids import TASK_TYPE


def saveas(key: str) -> str:
    return "sys/saveas,o_" + base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


# audio-done, in URL-safe Base64
NOTIFY = "/notify,topic_YXVkaW8tZG9uZQ"


@pytest.fixture
def bucket(local_cloud: Any) -> Iterator[oss2.Bucket]:
    yield from _bucket(local_cloud)


def _bucket(cloud: Any) -> Iterator[oss2.Bucket]:
    auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    bucket = oss2.Bucket(auth, cloud.oss, cloud.bucket, region=cloud.region)
    yield bucket
    bucket.session.session.close()


def imm_client(cloud: Any, secret: str = "") -> Client:
    return Client(
        Config(
            access_key_id=cloud.access_key_id,
            access_key_secret=secret or cloud.access_key_secret,
            endpoint=cloud.imm.removeprefix("http://"),
            protocol="http",
            region_id=cloud.region,
        )
    )


def get_task(cloud: Any, task_id: str, **more: Any) -> Any:
    request = models.GetTaskRequest(project_name="local-imm", task_type=TASK_TYPE, task_id=task_id, **more)
    return imm_client(cloud).get_task(request).body


def ended(cloud: Any, task_id: str, **more: Any) -> Any:
    deadline = time.monotonic() + 60
    while (task := get_task(cloud, task_id, **more)).status == "Running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return task


def drain(cloud: Any, task_ids: set[str]) -> dict[str, dict[str, Any]]:
    """Receive and delete until every one of these tasks was told of; task id → content."""
    account = Account(cloud.smq, cloud.access_key_id, cloud.access_key_secret)
    queue = account.get_queue(cloud.queue)
    queue.set_encoding(False)
    told: dict[str, dict[str, Any]] = {}
    try:
        while not task_ids <= set(told):
            for message in queue.batch_receive_message(16, 30):
                content = json.loads(json.loads(message.message_body)["content"])
                told[content["TaskId"]] = content
                queue.delete_message(message.receipt_handle)
    finally:
        account.mns_client.close_connection()
    return told


def test_submit_wait_for_the_message_and_fetch_the_rendition(
    local_cloud: Any, bucket: oss2.Bucket, make_audio: Callable[..., Path], probe_file: Any, tmp_path: Path
) -> None:
    bucket.put_object_from_file("in/日 本.wav", str(make_audio("w.wav", "-ac", "2")))
    result = bucket.async_process_object(
        "in/日 本.wav", f"audio/convert,f_mp3,ab_96000|{saveas('out/日 本.mp3')}{NOTIFY}"
    )
    told = drain(local_cloud, {result.task_id})[result.task_id]
    assert told["Status"] == "Succeeded"
    assert told["Targets"][0]["URI"] == f"oss://{local_cloud.bucket}/out/日 本.mp3"
    rendition = tmp_path / "out.mp3"
    bucket.get_object_to_file("out/日 本.mp3", str(rendition))
    assert bucket.head_object("out/日 本.mp3").content_type == "audio/mpeg"
    assert probe_file(rendition)["codec_name"] == "mp3"


def test_get_task_returns_success_failure_and_the_request(
    local_cloud: Any, bucket: oss2.Bucket, make_audio: Callable[..., Path]
) -> None:
    bucket.put_object_from_file("g.wav", str(make_audio("w.wav")))
    bucket.put_object("g.txt", b"not audio at all")
    process = f"audio/convert,f_flac|{saveas('g.flac')}"
    submitted = bucket.async_process_object("g.wav", process)
    good = ended(local_cloud, submitted.task_id, request_definition=True)
    assert (good.status, good.code, good.message) == ("Succeeded", "", "")
    assert (good.task_id, good.event_id, good.task_type) == (submitted.task_id, submitted.event_id, "MediaConvert")
    assert good.project_name == "local-imm"
    start, end = (datetime.fromisoformat(text) for text in (good.start_time, good.end_time))
    assert timedelta() <= end - start < timedelta(minutes=1)
    asked = json.loads(good.task_request_definition)
    assert asked["Process"] == process
    assert asked["Targets"] == [{"URI": f"oss://{local_cloud.bucket}/g.flac"}]

    bad = ended(local_cloud, bucket.async_process_object("g.txt", process).task_id)
    assert (bad.status, bad.code) == ("Failed", "InvalidMedia")
    assert "not audio" in bad.message
    assert bad.task_request_definition is None


def test_list_tasks_pages_filters_and_sorts(
    local_cloud: Any, bucket: oss2.Bucket, make_audio: Callable[..., Path]
) -> None:
    bucket.put_object_from_file("l.wav", str(make_audio("w.wav")))
    bucket.put_object("l.txt", b"not audio at all")
    began = datetime.now(UTC)
    submitted = [
        bucket.async_process_object(key, f"audio/convert,f_mp3|{saveas('l.mp3')}").task_id
        for key in ("l.wav", "l.wav", "l.txt", "l.wav", "l.wav")
    ]
    for task_id in submitted:
        ended(local_cloud, task_id)
    since = models.TimeRange(start=began.isoformat(), end=(began + timedelta(hours=1)).isoformat())

    def page(**more: Any) -> Any:
        request = models.ListTasksRequest(project_name="local-imm", start_time_range=since, **more)
        return imm_client(local_cloud).list_tasks(request).body

    for order, expected in (("asc", submitted), ("desc", submitted[::-1])):
        found, token = [], None
        while True:
            answer = page(sort="StartTime", order=order, max_results=2, next_token=token)
            found += [task.task_id for task in answer.tasks]
            token = answer.next_token
            if not token:
                break
        assert found == expected
    assert [task.task_id for task in page().tasks] == sorted(submitted)
    assert [task.task_id for task in page(status="Failed").tasks] == [submitted[2]]
    assert [task.task_id for task in page(task_types=["VideoLabelClassification"]).tasks or []] == []
    assert len(page(end_time_range=since, task_types=["MediaConvert"]).tasks) == 5
    for wrong in ({"sort": "Colour"}, {"order": "up"}, {"max_results": 101}, {"status": "Done"}, {"next_token": "?"}):
        with pytest.raises(Exception, match="InvalidArgument"):
            page(**wrong)
    with pytest.raises(Exception, match="does not implement TagSelector"):
        page(tag_selector="test=val1")
    with pytest.raises(Exception, match="resource Project is not found"):
        imm_client(local_cloud).list_tasks(models.ListTasksRequest(project_name="nobodys"))


def test_the_project_of_a_bucket_and_what_is_not_there(local_cloud: Any) -> None:
    client = imm_client(local_cloud)
    request = models.GetOSSBucketAttachmentRequest(ossbucket=local_cloud.bucket)
    assert client.get_ossbucket_attachment(request).body.project_name == "local-imm"
    with pytest.raises(Exception, match="The specified resource Attachment is not found") as caught:
        client.get_ossbucket_attachment(models.GetOSSBucketAttachmentRequest(ossbucket="no-such-bucket"))
    assert (caught.value.code, caught.value.status_code) == ("ResourceNotFound", 404)
    with pytest.raises(Exception, match="The specified resource Task is not found"):
        get_task(local_cloud, "MediaConvert-00000000-0000-0000-0000-000000000000")
    with pytest.raises(Exception, match="TaskId is mandatory"):
        get_task(local_cloud, "")
    with pytest.raises(Exception, match="is not one of GetTask, ListTasks, GetOSSBucketAttachment"):
        client.list_regions(models.ListRegionsRequest())


def test_a_newcomer_makes_a_project_and_binds_a_bucket(local_cloud: Any, bucket: oss2.Bucket) -> None:
    client = imm_client(local_cloud)
    created = client.create_project(models.CreateProjectRequest(project_name="newcomer", description="mine")).body
    assert (created.project.project_name, created.project.description) == ("newcomer", "mine")
    with pytest.raises(Exception, match="Project already exists"):
        client.create_project(models.CreateProjectRequest(project_name="newcomer"))
    with pytest.raises(Exception, match="ProjectName is not valid"):
        client.create_project(models.CreateProjectRequest(project_name="7 dwarfs"))
    found = client.get_project(models.GetProjectRequest(project_name="newcomer")).body.project
    assert found.create_time == created.project.create_time
    first = client.list_projects(models.ListProjectsRequest(max_results=1)).body
    assert [project.project_name for project in first.projects] == ["local-imm"]
    rest = client.list_projects(models.ListProjectsRequest(next_token=first.next_token)).body
    assert ([project.project_name for project in rest.projects], rest.next_token) == (["newcomer"], "")

    own = oss2.Bucket(bucket.auth, local_cloud.oss, "newcomers-bucket", region=local_cloud.region)
    own.create_bucket()
    own.put_object("a.txt", b"not audio")
    process = f"audio/convert,f_mp3|{saveas('a.mp3')}"
    with pytest.raises(oss2.exceptions.ServerError, match="resource Attachment is not found"):
        own.async_process_object("a.txt", process)
    with pytest.raises(Exception, match="resource Project is not found"):
        client.attach_ossbucket(models.AttachOSSBucketRequest(ossbucket="newcomers-bucket", project_name="none"))
    with pytest.raises(Exception, match="resource OSSBucket is not found"):
        client.attach_ossbucket(models.AttachOSSBucketRequest(ossbucket="no-such-bucket", project_name="newcomer"))
    client.attach_ossbucket(models.AttachOSSBucketRequest(ossbucket="newcomers-bucket", project_name="newcomer"))
    asked = models.GetOSSBucketAttachmentRequest(ossbucket="newcomers-bucket")
    assert client.get_ossbucket_attachment(asked).body.project_name == "newcomer"
    task_id = own.async_process_object("a.txt", process).task_id
    listed = client.list_tasks(models.ListTasksRequest(project_name="newcomer")).body
    assert [task.task_id for task in listed.tasks] == [task_id]
    with pytest.raises(Exception, match="is attached to the project newcomer"):
        client.attach_ossbucket(models.AttachOSSBucketRequest(ossbucket="newcomers-bucket", project_name="local-imm"))
    client.detach_ossbucket(models.DetachOSSBucketRequest(ossbucket="newcomers-bucket"))
    with pytest.raises(oss2.exceptions.ServerError, match="resource Attachment is not found"):
        own.async_process_object("a.txt", process)
    own.session.session.close()


def test_a_wrong_key_is_refused(local_cloud: Any) -> None:
    with pytest.raises(Exception, match="Specified signature does not match our calculation"):
        imm_client(local_cloud, "wrong").list_tasks(models.ListTasksRequest(project_name="local-imm"))


def test_a_killed_cloud_finishes_what_it_accepted(
    start_local_cloud: Callable[..., Any], make_audio: Callable[..., Path]
) -> None:
    cloud = start_local_cloud()
    for bucket in _bucket(cloud):
        bucket.put_object_from_file("a.flac", str(make_audio("k.flac", "-ac", "2", seconds=20.0)))
        process = "audio/convert,f_opus,ar_48000|"
        keys = [f"out-{number}.opus" for number in range(8)]
        accepted = {bucket.async_process_object("a.flac", process + saveas(key) + NOTIFY).task_id: key for key in keys}
        cloud.kill()
        cloud.restart()
        told = drain(cloud, set(accepted))
        assert {content["Status"] for content in told.values()} == {"Succeeded"}
        sizes = {bucket.head_object(key).content_length for key in keys}
        assert len(sizes) == 1  # each one whole: the same source and parameters give the same bytes
        account = Account(cloud.smq, cloud.access_key_id, cloud.access_key_secret)
        with pytest.raises(MNSServerException, match="MessageNotExist"):
            account.get_queue(cloud.queue).receive_message(0)
        account.mns_client.close_connection()
