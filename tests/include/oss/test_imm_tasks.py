"""What IMM says about conversions that the local cloud really ran."""

from __future__ import annotations

import base64
import io
import time
import wave
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from include.oss import OssConfigurationError, OssSettings, TaskNotFound, TaskStatus, imm
from include.oss.imm import TooManyTasks

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess


def tone() -> bytes:
    """A tenth of a second of silence, as a WAV file."""
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))
    return target.getvalue()


def submit(settings: OssSettings, bucket: str, key: str, target: str) -> str:
    name = base64.urlsafe_b64encode(target.encode()).decode().rstrip("=")
    result = settings.bucket(bucket).async_process_object(key, f"audio/convert,f_mp3|sys/saveas,o_{name}")
    return str(result.task_id)


def finished(settings: OssSettings, bucket: str, task_id: str) -> TaskStatus:
    tasks, deadline = settings.imm(), time.monotonic() + 30
    while (status := tasks.get_task(bucket, task_id)).status == "Running":
        assert time.monotonic() < deadline, "the task doesn't end"
        time.sleep(0.1)
    return status


def test_a_task_succeeds(oss_settings: OssSettings, local_cloud: CloudProcess) -> None:
    oss_settings.bucket(local_cloud.bucket).put_object("imm/a.wav", tone())
    task_id = submit(oss_settings, local_cloud.bucket, "imm/a.wav", "imm/a.mp3")
    status = finished(oss_settings, local_cloud.bucket, task_id)
    assert (status.task_id, status.status, status.code, status.message) == (task_id, "Succeeded", "", "")
    assert status.start_time <= status.end_time
    assert oss_settings.bucket(local_cloud.bucket).object_exists("imm/a.mp3")


def test_a_task_fails_with_the_services_reason(oss_settings: OssSettings, local_cloud: CloudProcess) -> None:
    oss_settings.bucket(local_cloud.bucket).put_object("imm/text.wav", b"this is no audio")
    task_id = submit(oss_settings, local_cloud.bucket, "imm/text.wav", "imm/text.mp3")
    status = finished(oss_settings, local_cloud.bucket, task_id)
    assert status.status == "Failed"
    assert status.code
    assert status.message


def test_a_task_that_nobody_knows(oss_settings: OssSettings, local_cloud: CloudProcess) -> None:
    with pytest.raises(TaskNotFound, match="MediaConvert-nope"):
        oss_settings.imm().get_task(local_cloud.bucket, "MediaConvert-nope")


def test_a_bucket_without_a_project(oss_settings: OssSettings, unbound_bucket: str) -> None:
    with pytest.raises(OssConfigurationError, match="bound to no IMM project"):
        oss_settings.imm().get_task(unbound_bucket, "MediaConvert-1")


def test_a_lost_task_is_found_by_its_output(oss_settings: OssSettings, local_cloud: CloudProcess) -> None:
    oss_settings.bucket(local_cloud.bucket).put_object("imm/lost.wav", tone())
    task_id = submit(oss_settings, local_cloud.bucket, "imm/lost.wav", "imm/lost/歌.mp3")
    tasks = oss_settings.imm()
    bucket, minute = local_cloud.bucket, timedelta(minutes=1)
    before, after = datetime.now(UTC) - minute, datetime.now(UTC) + minute
    assert tasks.find_task(bucket, bucket, "imm/lost/歌.mp3", since=before, until=after) == task_id
    assert tasks.find_task(bucket, bucket, "imm/lost/other.mp3", since=before, until=after) is None
    assert tasks.find_task(bucket, bucket, "imm/lost/歌.mp3", since=after, until=after + minute) is None
    assert tasks.find_task(bucket, bucket, "imm/lost/歌.mp3", since=before - minute, until=before) is None
    assert tasks.find_task(bucket, bucket, "imm/lost/歌.mp3", since=before, until=after, known={task_id}) is None


def test_giving_up_a_search_is_not_the_absence_of_a_task(
    oss_settings: OssSettings, local_cloud: CloudProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, minute = local_cloud.bucket, timedelta(minutes=1)
    oss_settings.bucket(bucket).put_object("imm/many.wav", tone())
    for number in range(3):
        submit(oss_settings, bucket, "imm/many.wav", f"imm/many/{number}.mp3")
    monkeypatch.setattr(imm, "PAGE", 1)
    monkeypatch.setattr(imm, "LISTED_TASKS", 2)
    now = datetime.now(UTC)
    with pytest.raises(TooManyTasks, match=r"more than 2 tasks between .*imm/many/0\.mp3"):
        oss_settings.imm().find_task(bucket, bucket, "imm/many/0.mp3", since=now - minute, until=now + minute)
