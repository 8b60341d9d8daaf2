"""Clients of audio/convert: what was accepted is finished, notified at least once, and not repeated afterwards."""

from __future__ import annotations

import hashlib
import io
import json
import time
import wave
from base64 import urlsafe_b64encode
from typing import Any

import av

from tools.chaos_cloud.messages import account_of
from tools.chaos_cloud.sdks import imm_client, imm_models, mns_exception, openapi_models, oss2
from tools.chaos_cloud.worker import BUCKET, TOPIC, Findings, Worker, bucket_of
from tools.cloud_process import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION, CloudProcess

NOTIFICATIONS = "chaos-done-queue"
SOURCE, SECONDS, RATE = "sources/clip.wav", 1.5, 16_000
FINISH_SECONDS = 120.0
"""Time after the last start until everything that was accepted is finished and notified."""


def put_source(cloud: CloudProcess) -> None:
    """Upload the clip that all conversions read."""
    content = io.BytesIO()
    with wave.open(content, "wb") as clip:
        clip.setparams((1, 2, RATE, 0, "NONE", ""))
        clip.writeframes(b"".join((500 * (n % 40) - 10_000).to_bytes(2, "little", signed=True) for n in range(_FRAMES)))
    bucket = bucket_of(cloud)
    bucket.put_object(SOURCE, content.getvalue())
    bucket.session.session.close()


_FRAMES = round(SECONDS * RATE)


class Submitter(Worker):
    """Submits conversions, each to a key of its own, and records their TaskIds."""

    def __init__(self, name: str, cloud: CloudProcess, seed: int, findings: Findings) -> None:
        super().__init__(name, cloud, seed, findings)
        self.targets: dict[str, str] = {}
        self.removed: set[str] = set()
        self._bucket: Any = bucket_of(cloud)
        self._count = 0

    def step(self) -> None:
        """Submit one conversion."""
        self._count += 1
        target = f"{self.name}/{self._count}.mp3"
        process = f"audio/convert,f_mp3,ab_64000|sys/saveas,o_{_base64(target)}/notify,topic_{_base64(TOPIC)}"
        answer = self._bucket.async_process_object(SOURCE, process)
        self.targets[answer.task_id] = target
        self.findings.count("conversions accepted")
        time.sleep(self.random.uniform(0.0, 0.6))  # so that the queue is full at one kill and empty at another

    def check(self) -> None:
        """Check that every accepted conversion succeeded, and that each rendition is there unless it was removed."""
        self._check_tasks()
        bucket, whole = bucket_of(self.cloud), set[str]()
        for target in self.targets.values():
            try:
                body = bucket.get_object(target).read()
            except oss2.exceptions.NoSuchKey:
                if target not in self.removed:
                    self.findings.problem(f"{target}: the task succeeded and the rendition is not there")
                continue
            if target in self.removed:
                self.findings.problem(f"{target}: converted again after it was finished, notified and removed")
            digest = hashlib.md5(body).hexdigest()
            if digest not in whole and abs(_seconds_of(body) - SECONDS) > 0.1:
                self.findings.problem(f"{target}: {_seconds_of(body):.2f} s of {SECONDS} s")
            whole.add(digest)
        bucket.session.session.close()

    def _check_tasks(self) -> None:
        config = openapi_models.Config(
            access_key_id=ACCESS_KEY_ID, access_key_secret=ACCESS_KEY_SECRET, region_id=REGION, protocol="http"
        )
        config.endpoint = self.cloud.imm.removeprefix("http://")
        client = imm_client.Client(config)
        attached = client.get_ossbucket_attachment(imm_models.GetOSSBucketAttachmentRequest(ossbucket=BUCKET))
        project = attached.body.project_name
        deadline = time.monotonic() + FINISH_SECONDS
        for task_id in self.targets:
            request = imm_models.GetTaskRequest(project_name=project, task_type="MediaConvert", task_id=task_id)
            while (task := client.get_task(request).body).status == "Running" and time.monotonic() < deadline:
                time.sleep(0.1)
            if task.status != "Succeeded":
                self.findings.problem(f"{task_id}: {task.status} {task.code or ''} {task.message or ''}".rstrip())
            else:
                self.findings.count("conversions finished")

    def close(self) -> None:
        """Close the connections."""
        self._bucket.session.session.close()


class Listener(Worker):
    """Reads the notifications and removes some of the renditions, so that a repeated conversion is noticed."""

    def __init__(self, name: str, cloud: CloudProcess, seed: int, findings: Findings, submitter: Submitter) -> None:
        super().__init__(name, cloud, seed, findings)
        self._submitter = submitter
        self._notified: set[str] = set()
        self._account = account_of(cloud)
        self._bucket: Any = bucket_of(cloud)
        self._to_remove: list[str] = []

    def step(self) -> None:
        """Receive notifications, and remove renditions."""
        self._receive(self._account.get_queue(NOTIFICATIONS))
        while self._to_remove:
            self._bucket.delete_object(self._to_remove[-1])
            self._submitter.removed.add(self._to_remove.pop())

    def _receive(self, queue: Any) -> None:
        queue.set_encoding(False)
        try:
            messages = queue.batch_receive_message(16, 1)
        except mns_exception.MNSServerException as error:
            if error.type == "MessageNotExist":
                return
            raise
        for message in messages:
            content = json.loads(json.loads(message.message_body)["content"])
            task_id, status = content["TaskId"], content["Status"]
            if status != "Succeeded":
                self.findings.problem(f"{task_id}: notified as {status} {content['Code']} {content['Message']}")
            self.findings.count("notifications repeated" if task_id in self._notified else "notifications received")
            if task_id not in self._notified and self.random.random() < 0.5:
                target = self._submitter.targets.get(task_id)
                self._to_remove += [target] if target else []
            self._notified.add(task_id)
            try:
                queue.delete_message(message.receipt_handle)
            except mns_exception.MNSServerException as error:
                if error.type not in ("ReceiptHandleError", "MessageNotExist"):  # the message comes again
                    raise

    def check(self) -> None:
        """Check that a notification of every accepted conversion arrives."""
        account = account_of(self.cloud)
        queue = account.get_queue(NOTIFICATIONS)
        deadline = time.monotonic() + FINISH_SECONDS
        while self._missing() and time.monotonic() < deadline:
            self._receive(queue)
        for task_id in sorted(self._missing())[:10]:
            self.findings.problem(f"{task_id}: accepted, and no notification of its end came")
        account.mns_client.close_connection()

    def _missing(self) -> set[str]:
        return set(self._submitter.targets) - self._notified

    def close(self) -> None:
        """Close the connections."""
        self._account.mns_client.close_connection()
        self._bucket.session.session.close()


def _base64(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _seconds_of(rendition: bytes) -> float:
    """Decode a rendition; the seconds that decode."""
    try:
        with av.open(io.BytesIO(rendition), "r") as container:
            return sum((frame.samples / frame.sample_rate for frame in container.decode(audio=0)), 0.0)
    except av.FFmpegError:
        return 0.0
