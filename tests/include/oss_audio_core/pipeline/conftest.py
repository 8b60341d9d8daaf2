"""A SQLite catalogue, batches planned from a given listing, and the steps of a batch against the real local cloud."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import math
import secrets
import struct
import wave
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from mns.account import Account
from mns.queue import Message, QueueMeta
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMeta

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.catalogue import Catalogue, State, batches, conversions, open_catalogue
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.identity import catalogue_uid
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.decisions import Plan
from oss_audio_core.pipeline.listing import list_sources
from oss_audio_core.pipeline.plan_options import PlanOptions
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.publishing import publish_batch
from oss_audio_core.pipeline.selection import Selection
from oss_audio_core.pipeline.submitting import lost_submit_handler, posting, shard_submitter, slot_reclaimer
from oss_audio_core.pipeline.submitting.options import SubmitOptions
from oss_audio_core.pipeline.submitting.shard_submitter import submit_shard
from oss_audio_core.pipeline.verifying import verify_batch
from oss_audio_core.pipeline.waiting import drainer, shard_waiter, shared_poller
from oss_audio_core.pipeline.waiting.progress import Progress
from oss_audio_core.pipeline.waiting.shard_waiter import ShardWaiter, poke
from oss_audio_core.pipeline.waiting.shared_poller import SharedPoller, refresh
from oss_audio_core.smq import SmqSettings
from tests.include.oss_audio_core.pipeline.proxy import Proxy

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess

LISTED_AT = datetime(2026, 11, 22, tzinfo=UTC)
WAIT = timedelta(seconds=60)


@pytest.fixture
def catalogue(new_catalogue: Callable[[Path], sa.URL], tmp_path: Path) -> Iterator[Catalogue]:
    opened = open_catalogue(new_catalogue(tmp_path / "catalogue.db"))
    yield opened
    opened.close()


@pytest.fixture
def mp3() -> Profile:
    return Profile(
        name="mp3",
        description="",
        convert=AudioConvert(f="mp3", ab=64000, ar=44100, ac=2),
        target_key="out/{dirname}/{barename}.mp3",
    )


PlanIt = Callable[..., tuple[int, Plan]]


@pytest.fixture
def plan_it(catalogue: Catalogue, mp3: Profile) -> PlanIt:
    """Plan a batch of listed objects: `plan_it({"in/a.wav": "ETAG", …}, name=…, profiles=[…], **options)`."""
    numbers = itertools.count()

    def plan(
        listed: dict[str, str], *, profiles: Sequence[Any] = (mp3,), name: str | None = None, **options: Any
    ) -> tuple[int, Plan]:
        sizes, times = options.pop("sizes", {}), options.pop("times", {})
        reach = {name: options.pop(name) for name in ("oss", "uid", "prices") if name in options}
        with catalogue.write() as connection:
            batch = batches.open_batch(connection, name or f"dag/run-{next(numbers)}", {})
            batches.begin_listing(connection, batch.id)
            objects = [
                ListedObject("audio", key, etag, sizes.get(key, 1000), times.get(key, LISTED_AT))
                for key, etag in listed.items()
            ]
            batches.add_listed(connection, batch.id, objects)
        selection = Selection("audio", ("in/",))
        return batch.id, plan_batch(catalogue, selection, profiles, batch.id, PlanOptions(**options), **reach)

    return plan


@pytest.fixture
def wav() -> Callable[..., bytes]:
    """A tone as a WAV file: `wav(seconds, rate=8000, channels=1)`."""

    def make(seconds: float = 0.3, rate: int = 8000, channels: int = 1, pitch: float = 20) -> bytes:
        target = io.BytesIO()
        with wave.open(target, "wb") as sound:
            sound.setnchannels(channels)
            sound.setsampwidth(2)
            sound.setframerate(rate)
            samples = (int(9000 * math.sin(n / pitch)) for n in range(int(seconds * rate)))
            sound.writeframes(b"".join(struct.pack("<h", sample) * channels for sample in samples))
        return target.getvalue()

    return make


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses of the product, shortened for tests."""
    monkeypatch.setattr(posting, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(shard_submitter, "LEASE_MARGIN", 0.2)
    monkeypatch.setattr(shard_submitter, "SLOTS_EVERY", 0.05)
    monkeypatch.setattr(lost_submit_handler, "CHECK_EVERY", 0.05)
    monkeypatch.setattr(shard_waiter, "REFRESH_EVERY", 0.1)
    monkeypatch.setattr(shard_waiter, "CONFIRM_EVERY", 0.2)
    monkeypatch.setattr(shared_poller, "REFRESH_EVERY", 0.1)
    monkeypatch.setattr(shared_poller, "MIN_PAUSE", 0.05)
    monkeypatch.setattr(drainer, "PAUSE", 0.1)
    monkeypatch.setattr(slot_reclaimer, "POLL_EVERY", 0.1)


@contextlib.contextmanager
def smq_account(settings: SmqSettings) -> Iterator[Account]:
    """The official SDK on a connection of its own: it doesn't survive that the service closes one that was idle."""
    account = Account(settings.endpoint, settings.access_key_id, settings.access_key_secret)
    yield account
    account.mns_client.close_connection()


@pytest.fixture(scope="session")
def smq_settings(local_cloud: CloudProcess) -> SmqSettings:
    """SMQ with topic `pipeline` and queue `pipeline-queue`, which nothing else reads."""
    settings = SmqSettings(local_cloud.smq, local_cloud.access_key_id, local_cloud.access_key_secret)
    with smq_account(settings) as account:
        account.get_topic("pipeline").create(TopicMeta())
        account.get_queue("pipeline-queue").create(QueueMeta())
        endpoint = f"acs:mns:{local_cloud.region}:1000000000000001:queues/pipeline-queue"
        account.get_subscription("pipeline", "to-queue").subscribe(
            SubscriptionMeta(endpoint, notify_content_format="SIMPLIFIED")
        )
    return settings


@dataclass
class Steps:
    """The steps of a batch, each in one call; every test has a prefix of its own in the one bucket."""

    catalogue: Catalogue
    oss: OssSettings
    smq: SmqSettings
    profile: Profile
    bucket: str = "audio"
    topic: str | None = "pipeline"
    queue: str | None = "pipeline-queue"
    prefix: str = field(default_factory=lambda: f"pipeline-{secrets.token_hex(4)}/")
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def catalogue_uid(self) -> str:
        with self.catalogue.read() as connection:
            return catalogue_uid(connection)

    def put(self, name: str, content: bytes) -> None:
        """Put a source below the test's prefix."""
        self.oss.bucket(self.bucket).put_object(self.prefix + name, content)

    def get(self, key: str) -> Any:
        return self.oss.bucket(self.bucket).get_object(key)

    def keys(self, prefix: str) -> list[str]:
        found = self.oss.bucket(self.bucket).list_objects_v2(prefix=prefix, max_keys=1000)
        return [one.key for one in found.object_list]

    def plan(self, *names: str, profiles: Sequence[Any] = (), **options: Any) -> int:
        """List and plan; profiles by name from their files, or as given. Returns the batch's id."""
        clip = {name: options.pop(name, 0) for name in ("start", "duration")}
        request = BatchRequest(self.bucket, (self.prefix,), profiles=names or ("mobile-mp3",), **clip)
        with self.catalogue.write() as connection:
            batch = batches.open_batch(connection, f"{self.prefix}{next(self.numbers)}", request.to_json())
        bucket = self.oss.bucket(self.bucket)
        list_sources(self.catalogue, bucket, request.selection(), batch.id)
        wanted = profiles or (request.specs() if names else [self.profile])
        plan_batch(self.catalogue, request.selection(), wanted, batch.id, PlanOptions(**options), oss=self.oss)
        return batch.id

    def submit(self, batch: int, *, oss: OssSettings | None = None, **options: Any) -> Counter[str]:
        options = {"topic": self.topic, **options}
        return submit_shard(self.catalogue, oss or self.oss, batch, 0, SubmitOptions(**options))

    def poller(self, *, oss: OssSettings | None = None, **options: Any) -> SharedPoller:
        """What the waiters of one triggerer share; `queue=None` for one without messages."""
        queue = options.pop("queue", self.queue)
        return SharedPoller(self.catalogue, oss or self.oss, self.smq, queue, **{"long_poll": 1, **options})

    async def waiting(
        self,
        batch: int,
        *,
        at: SharedPoller | None = None,
        until: timedelta = WAIT,
        oss: OssSettings | None = None,
        queue: Any = ...,
        **options: Any,
    ) -> Progress:
        """Wait for a batch's only shard, with a shared poller or with one of its own."""
        if at is None:
            given = {} if queue is ... else {"queue": queue}
            async with self.poller(oss=oss, **given) as own:
                return await self.waiting(batch, at=own, until=until, **options)
        return await ShardWaiter(at, (batch, 0), until=datetime.now(UTC) + until, **options).wait()

    def wait(self, batch: int, **options: Any) -> Progress:
        return asyncio.run(self.waiting(batch, **options))

    def refresh(self, batch: int) -> Progress:
        return refresh(self.catalogue, [(batch, 0)])[batch, 0]

    def poke(self, batch: int, *, oss: OssSettings | None = None, queue: Any = ...) -> Progress:
        return poke(self.catalogue, oss or self.oss, self.smq, self.queue if queue is ... else queue, (batch, 0))

    def verify(self, batch: int, *profiles: Profile, **changes: Any) -> Counter[str]:
        """Verify under the policies of the given profiles, or of those in the profile files."""
        given = {profile.name: profile for profile in profiles} or None
        return verify_batch(self.catalogue, replace(self.oss, **changes), batch, profiles=given)

    def publish(self, batch: int, **changes: Any) -> Counter[str]:
        return publish_batch(self.catalogue, replace(self.oss, **changes), batch)

    def to_converted(self, *names: str, **options: Any) -> int:
        """Plan, submit, wait; everything must have been converted."""
        batch = self.plan(*names, **options)
        self.submit(batch)
        assert self.wait(batch).failed == 0
        return batch

    def rows(self, batch: int | None = None) -> list[Conversion]:
        with self.catalogue.read() as connection:
            if batch is None:
                return conversions.fetch(connection, sa.true())
            return conversions.of_batch(connection, batch, list(State))

    def row(self) -> Conversion:
        (only,) = self.rows()
        return only

    def change(self, **values: Any) -> None:
        """Write into every conversion, as time or another process would have."""
        with self.catalogue.write() as connection:
            connection.execute(sa.update(conversion).values(**values))

    def send(self, *bodies: str) -> None:
        """Put messages into the queue as they are."""
        assert self.queue is not None
        with smq_account(self.smq) as account:
            queue = account.get_queue(self.queue)
            queue.set_encoding(False)
            for body in bodies:
                queue.send_message(Message(body))

    def accepted(self) -> list[str]:
        """Output keys of every task that the service accepted for sources of this test, from its own list."""
        from alibabacloud_imm20200930 import models
        from alibabacloud_imm20200930.client import Client
        from alibabacloud_tea_openapi.utils_models import Config

        address = urlsplit(self.oss.imm_address)
        client = Client(
            Config(
                access_key_id=self.oss.access_key_id,
                access_key_secret=self.oss.access_key_secret,
                endpoint=address.netloc,
                protocol=address.scheme,
                region_id=self.oss.region,
            )
        )
        found: list[str] = []
        token = None
        while True:
            page = client.list_tasks(
                models.ListTasksRequest(
                    project_name=self.oss.imm().project_of(self.bucket),
                    request_definition=True,
                    max_results=100,
                    next_token=token,
                )
            ).body
            found += [
                task.task_request_definition for task in page.tasks if self.prefix in task.task_request_definition
            ]
            token = page.next_token
            if not token:
                return found


@pytest.fixture
def steps(
    catalogue: Catalogue, local_cloud: CloudProcess, smq_settings: SmqSettings, mp3: Profile, quick: None
) -> Steps:
    oss = OssSettings(
        endpoint=local_cloud.oss,
        region=local_cloud.region,
        access_key_id=local_cloud.access_key_id,
        access_key_secret=local_cloud.access_key_secret,
        imm_endpoint=local_cloud.imm,
        connect_timeout=5,
        read_timeout=20,
    )
    return Steps(catalogue, oss, smq_settings, mp3, bucket=local_cloud.bucket)


@pytest.fixture
def oss_proxy(local_cloud: CloudProcess) -> Iterator[Proxy]:
    proxy = Proxy(local_cloud.oss)
    yield proxy
    proxy.close()


@pytest.fixture
def imm_proxy(local_cloud: CloudProcess) -> Iterator[Proxy]:
    proxy = Proxy(local_cloud.imm)
    yield proxy
    proxy.close()
