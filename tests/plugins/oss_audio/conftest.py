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
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.sdk.execution_time.context import OutletEventAccessors

from include.catalogue import Catalogue, State, conversions, open_catalogue
from include.catalogue.conversions import Conversion
from include.oss import OssSettings, check
from include.pipeline import lookout, submitting, waiting
from include.smq import check as smq_check

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
    monkeypatch.setattr(submitting, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(waiting, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(lookout, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(lookout, "LEAST_REST", 0.05)
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
