"""The package's connections to the running local cloud, and what operators need to run without a scheduler."""

from __future__ import annotations

import io
import itertools
import json
import math
import secrets
import struct
import wave
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.execution_time.context import OutletEventAccessors

from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.operators.export import OSSAudioExportOperator
from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio.operators.plan import OSSAudioPlanOperator
from oss_audio.operators.publish import OSSAudioPublishOperator
from oss_audio.operators.report import OSSAudioReportOperator
from oss_audio.operators.verify import OSSAudioVerifyOperator
from oss_audio.sensors.convert import OSSAudioConvertSensor
from oss_audio_core.catalogue import Catalogue, State, conversions, open_catalogue
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.oss import OssSettings, check
from oss_audio_core.pipeline.submitting import posting
from oss_audio_core.pipeline.waiting import shard_waiter, shared_poller
from oss_audio_core.smq import check as smq_check

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess

Define = Callable[[str, str], None]


def wav(seconds: float = 0.3, rate: int = 8000, channels: int = 1) -> bytes:
    """A tone as a WAV file."""
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        samples = (int(9000 * math.sin(n / 20)) for n in range(int(seconds * rate)))
        sound.writeframes(b"".join(struct.pack("<h", sample) * channels for sample in samples))
    return target.getvalue()


@dataclass
class Deployment:
    """An Airflow deployment's connections, a catalogue of its own, and a prefix of its own in the one bucket."""

    define: Define
    cloud: CloudProcess
    database: Path
    prefix: str = field(default_factory=lambda: f"plugin-{secrets.token_hex(4)}/")
    runs: Iterator[int] = field(default_factory=itertools.count)

    def connect(self, *, oss: dict[str, Any] | None = None, smq: dict[str, Any] | None = None) -> None:
        """Define the three connections, with changes to the extra fields of `oss` and the fields of `smq`."""
        cloud = self.cloud
        extra = {
            "auth_type": "AK",
            "access_key_id": cloud.access_key_id,
            "access_key_secret": cloud.access_key_secret,
            "region": cloud.region,
            "endpoint": cloud.oss,
            "imm_endpoint": cloud.imm,
            "connect_timeout": 2,
            "read_timeout": 10,
        }
        fields = {
            "conn_type": "smq",
            "host": cloud.smq,
            "login": cloud.access_key_id,
            "password": cloud.access_key_secret,
            "extra": {"queue": cloud.queue, "topic": cloud.topic},
        }
        self.define("oss_default", json.dumps({"conn_type": "oss", "extra": extra | (oss or {})}))
        self.define("smq_default", json.dumps(fields | (smq or {})))
        self.define("audio_catalogue", f"sqlite:///{self.database}")

    @property
    def oss(self) -> OssSettings:
        cloud = self.cloud
        return OssSettings(
            cloud.oss, cloud.region, cloud.access_key_id, cloud.access_key_secret, imm_endpoint=cloud.imm
        )

    def put(self, name: str, content: bytes | None = None) -> str:
        """Put a source below the test's prefix; returns its key."""
        key = self.prefix + name
        self.oss.bucket(self.cloud.bucket).put_object(key, wav() if content is None else content)
        return key

    def exists(self, key: str) -> bool:
        return bool(self.oss.bucket(self.cloud.bucket).object_exists(key))

    def context(self, run: str | None = None, *, map_index: int = -1) -> Any:
        """As much of a task's context as the package reads; every call is another run unless it is named."""
        run_id = run or f"manual-{next(self.runs)}"
        return {
            "dag_run": SimpleNamespace(dag_id="a_dag", run_id=run_id),
            "ti": SimpleNamespace(map_index=map_index),
            "outlet_events": OutletEventAccessors(),
        }

    def catalogue(self) -> Catalogue:
        return open_catalogue(f"sqlite:///{self.database}")

    def rows(self, batch: int) -> list[Conversion]:
        opened = self.catalogue()
        with opened.read() as connection:
            found = conversions.of_batch(connection, batch, list(State))
        opened.close()
        return found


@pytest.fixture
def deployment(
    connection: Define,
    local_cloud: CloudProcess,
    new_catalogue: Callable[[Path], sa.URL],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Deployment:
    monkeypatch.setattr(posting, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(shard_waiter, "REFRESH_EVERY", 0.1)
    monkeypatch.setattr(shared_poller, "REFRESH_EVERY", 0.1)
    monkeypatch.setattr(shared_poller, "MIN_PAUSE", 0.05)
    deployment = Deployment(connection, local_cloud, tmp_path / "catalogue.db")
    new_catalogue(deployment.database)
    deployment.connect()
    return deployment


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks' pauses between their three tries, cut to nothing."""
    for checked in (check.check_bucket, check.check_imm, smq_check.check_smq, smq_check.acheck_smq):
        monkeypatch.setitem(checked.__kwdefaults__, "pauses", (0.0, 0.0))


@pytest.fixture
def closed_port() -> int:
    """A port of 127.0.0.1 where nothing listens."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Run:
    """One DAG run, its tasks executed as a worker executes them; XComs are all that passes between them."""

    TASKS = ("list", "plan", "convert", "await", "verify", "publish", "export", "report")

    def __init__(
        self, deployment: Deployment, run_id: str, *, profiles: str = "mobile-mp3", shard_size: int = 1000
    ) -> None:
        self.deployment = deployment
        self.profiles = profiles
        self.shard_size = shard_size
        self.context = deployment.context(run_id)
        self.listed: Any = None
        self.shards: list[Any] = []
        self.report: Any = None

    def tasks(self, *names: str) -> Run:
        for name in names:
            getattr(self, f"_{name}")()
        return self

    def through(self, last: str) -> Run:
        return self.tasks(*self.TASKS[: self.TASKS.index(last) + 1])

    def onwards(self, first: str) -> Run:
        return self.tasks(*self.TASKS[self.TASKS.index(first) :])

    def states(self) -> list[tuple[State, int]]:
        return [(one.state, one.attempt) for one in self.deployment.rows(self.listed["batch"])]

    def _list(self) -> None:
        where = {"bucket": self.deployment.cloud.bucket, "prefix": self.deployment.prefix}
        self.listed = OSSAudioListOperator(task_id="list", profiles=self.profiles, **where).execute(self.context)

    def _plan(self) -> None:
        self.shards = OSSAudioPlanOperator(task_id="plan", batch=self.listed, shard_size=self.shard_size).execute(
            self.context
        )

    def _convert(self) -> None:
        for shard in self.shards:
            OSSAudioConvertOperator(task_id="convert", shard=shard).execute(self.context)

    def _await(self) -> None:
        for shard in self.shards:
            OSSAudioConvertSensor(
                task_id="await", shard=shard, deferrable=False, poke_interval=0.1, timeout=60, fail_on_error=False
            ).execute(self.context)

    def _verify(self) -> None:
        for shard in self.shards:
            OSSAudioVerifyOperator(task_id="verify", shard=shard).execute(self.context)

    def _publish(self) -> None:
        for shard in self.shards:
            OSSAudioPublishOperator(task_id="publish", shard=shard).execute(self.context)

    def _export(self) -> None:
        with suppress(AirflowSkipException):  # it skips what was not planned
            OSSAudioExportOperator(task_id="export", batch=self.listed).execute(self.context)

    def _report(self) -> None:
        self.report = OSSAudioReportOperator(task_id="report", batch=self.listed).execute(self.context)


def count_accepted(deployment: Deployment) -> int:
    """How many conversions of this test's sources the service has ever accepted, by its own list of tasks."""
    from alibabacloud_imm20200930 import models
    from alibabacloud_imm20200930.client import Client
    from alibabacloud_tea_openapi import utils_models

    address = urlsplit(deployment.cloud.imm)
    client = Client(
        utils_models.Config(
            access_key_id=deployment.cloud.access_key_id,
            access_key_secret=deployment.cloud.access_key_secret,
            endpoint=address.netloc,
            protocol=address.scheme,
            region_id=deployment.cloud.region,
        )
    )
    project = deployment.oss.imm().project_of(deployment.cloud.bucket)
    count, token = 0, None
    while True:
        asked = models.ListTasksRequest(
            project_name=project, request_definition=True, max_results=100, next_token=token
        )
        page = client.list_tasks(asked).body
        count += sum(deployment.prefix in task.task_request_definition for task in page.tasks)
        token = page.next_token
        if not token:
            return count


@pytest.fixture
def begin(deployment: Deployment) -> Callable[[str], Run]:
    """Two sources, and runs over them."""
    for name in ("a.wav", "b.wav"):
        deployment.put(name)
    return lambda run_id: Run(deployment, run_id)


@pytest.fixture
def accepted(deployment: Deployment) -> Callable[[], int]:
    """How many conversions of this test's sources the service has ever accepted."""
    return lambda: count_accepted(deployment)
