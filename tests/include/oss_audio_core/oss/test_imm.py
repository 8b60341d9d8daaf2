"""What IMM says about conversions that the local cloud really ran."""

from __future__ import annotations

import base64
import io
import time
import wave
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.oss import OssConfigurationError, OssSettings, TaskNotFound, TaskStatus, imm
from oss_audio_core.oss.imm import ListedTask

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


def test_an_unknown_task(oss_settings: OssSettings, local_cloud: CloudProcess) -> None:
    with pytest.raises(TaskNotFound, match="MediaConvert-nope"):
        oss_settings.imm().get_task(local_cloud.bucket, "MediaConvert-nope")


def test_a_bucket_without_a_project(oss_settings: OssSettings, unbound_bucket: str) -> None:
    with pytest.raises(OssConfigurationError, match="bound to no IMM project"):
        oss_settings.imm().get_task(unbound_bucket, "MediaConvert-1")


def test_tasks_of_a_stretch_of_time_are_listed_with_what_they_write(
    oss_settings: OssSettings, local_cloud: CloudProcess
) -> None:
    bucket, minute = local_cloud.bucket, timedelta(minutes=1)
    oss_settings.bucket(bucket).put_object("imm/lost.wav", tone())
    task_id = submit(oss_settings, bucket, "imm/lost.wav", "imm/lost/歌.mp3")
    before, after = datetime.now(UTC) - minute, datetime.now(UTC) + minute

    def listed(since: datetime, until: datetime) -> dict[str, ListedTask]:
        pages = oss_settings.imm().list_tasks(bucket, since=since, until=until)
        return {task.task_id: task for page in pages for task in page}

    found = listed(before, after)[task_id]
    assert found.outputs == {f"oss://{bucket}/imm/lost/歌.mp3"}
    assert found.started is not None
    assert before <= found.started <= after
    assert task_id not in listed(after, after + minute)
    assert task_id not in listed(before - minute, before)


def test_the_list_of_tasks_goes_on_to_its_end_the_newest_first(
    oss_settings: OssSettings, local_cloud: CloudProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, minute = local_cloud.bucket, timedelta(minutes=1)
    oss_settings.bucket(bucket).put_object("imm/many.wav", tone())
    submitted = [submit(oss_settings, bucket, "imm/many.wav", f"imm/many/{number}.mp3") for number in range(5)]
    monkeypatch.setattr(imm, "PAGE", 2)
    monkeypatch.setattr(imm, "LIST_EVERY", 0.0)
    now = datetime.now(UTC)
    pages = list(oss_settings.imm().list_tasks(bucket, since=now - minute, until=now + minute))
    assert {len(page) for page in pages[:-1]} == {2}
    listed = [task for page in pages for task in page]
    assert {task.task_id for task in listed} >= set(submitted)
    times = [task.started for task in listed if task.started is not None]
    assert len(times) == len(listed)
    assert times == sorted(times, reverse=True)
