"""A wave: hostile files, keys and messages in one batch, through all its steps: its good sources must be published."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.catalogue import Catalogue, State, batches, conversions
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.listing import UNSTORABLE, list_sources
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.publishing import publish_batch
from oss_audio_core.pipeline.submitting.options import SubmitOptions
from oss_audio_core.pipeline.submitting.shard_submitter import submit_shard
from oss_audio_core.pipeline.verification_errors import OutputNotYet
from oss_audio_core.pipeline.verifying import verify_batch
from oss_audio_core.pipeline.waiting.shard_waiter import ShardWaiter
from oss_audio_core.pipeline.waiting.shared_poller import SharedPoller
from oss_audio_core.smq import SmqClient, SmqSettings
from tools.attack.awkward_audio import SHAPES, mutated, pcm, wave_file
from tools.attack.awkward_keys import awkward_keys
from tools.attack.awkward_messages import awkward_message
from tools.chaos_cloud.sdks import mns_account, mns_exception, mns_queue

NEIGHBOURS = 5
"""Sources of a wave that are as they should be."""

PROFILE = Profile(
    name="attacked",
    description="",
    convert=AudioConvert(f="mp3", ab=64000, ar=44100, ac=1),
    target_key="out/{dirname}/{basename}.mp3",
)

WAIT = timedelta(minutes=10)

ENDED = frozenset({State.PUBLISHED, State.FAILED, State.QUARANTINED, State.SKIPPED})
"""How a row of a wave may end: anything else is unfinished."""


@dataclass(frozen=True)
class Amount:
    """How much a wave, or a run, sends."""

    files: int
    messages: int
    keys: int


@dataclass
class Findings:
    """What was sent and what came of it, by words; and the broken promises, each in a sentence."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Target:
    """What is attacked: a catalogue, and the local cloud's bucket, topic and queue."""

    def __init__(
        self, catalogue: Catalogue, oss: OssSettings, smq: SmqSettings, bucket: str, topic: str, queue: str
    ) -> None:
        self.catalogue, self.oss, self.smq = catalogue, oss, smq
        self.bucket, self.topic, self.queue = bucket, topic, queue

    def attack(self, prefix: str, amount: Amount, originals: list[bytes], chance: random.Random) -> Findings:
        """Send one wave below a prefix that is the wave's own.

        Args:
            prefix: of its sources.
            amount: what it has.
            originals: files that are mutated, and whose first is what every source with an awkward key holds.
            chance: decides everything.
        """
        findings = Findings()
        neighbours = {f"{prefix}neighbour-{number}.wav" for number in range(NEIGHBOURS)}
        odd_keys = {f"{prefix}keys/{key}" for key in awkward_keys(amount.keys, chance)}
        contents = dict.fromkeys(neighbours, originals[0])
        contents |= {f"{prefix}f/{number}.wav": self._file(originals, chance) for number in range(amount.files)}
        taken = self._put({**contents, **dict.fromkeys(odd_keys, originals[0])})
        try:
            batch_id, left_out = self._plan(prefix)
            findings.counts.update({"files mutated": amount.files, "awkward keys": len(odd_keys & taken)})
            findings.counts["keys left out by name or reason"] += sum(left_out.values())
            self._submit(batch_id)
            findings.counts["messages"] += self._send(batch_id, amount.messages, chance)
            self._wait(batch_id)
            self._verify(batch_id)
            publish_batch(self.catalogue, self.oss, batch_id)
        except Exception as error:  # noqa: BLE001 - that no step fails is the promise
            findings.problems.append(f"{prefix}: a step failed: {type(error).__name__}: {str(error)[:300]!a}")
            return findings
        self._check(batch_id, neighbours, odd_keys & taken, left_out, findings)
        return findings

    @staticmethod
    def _file(originals: list[bytes], chance: random.Random) -> bytes:
        if chance.random() < 0.05:
            return mutated(chance.choice(list(SHAPES.values()))(), chance)
        return mutated(chance.choice(originals), chance)

    def _put(self, contents: dict[str, bytes]) -> set[str]:
        """Store sources. Returns those that the service takes: a key with `..` or an empty segment may be refused."""
        import oss2

        session = self.oss.session()

        def put(source: tuple[str, bytes]) -> str | None:
            try:
                self.oss.bucket(self.bucket, session=session).put_object(*source)
            except (oss2.exceptions.ServerError, oss2.exceptions.ClientError, UnicodeError):
                return None
            return source[0]

        with ThreadPoolExecutor(8) as pool:
            return {key for key in pool.map(put, contents.items()) if key is not None}

    def _plan(self, prefix: str) -> tuple[int, Counter[str]]:
        request = BatchRequest(self.bucket, (prefix,), profiles=(PROFILE.name,))
        with self.catalogue.write() as connection:
            batch = batches.open_batch(connection, f"attack/{prefix}", request.to_json())
        bucket = self.oss.bucket(self.bucket, session=self.oss.session())
        _, left_out = list_sources(self.catalogue, bucket, request.selection(), batch.id)
        plan_batch(self.catalogue, request.selection(), [PROFILE], batch.id, oss=self.oss)
        return batch.id, left_out

    def _shards(self, batch_id: int) -> list[int]:
        with self.catalogue.read() as connection:
            return batches.shards_of(connection, batch_id)

    def _submit(self, batch_id: int) -> None:
        for shard in self._shards(batch_id):
            submit_shard(self.catalogue, self.oss, batch_id, shard, SubmitOptions(topic=self.topic))

    def _send(self, batch_id: int, count: int, chance: random.Random) -> int:
        """Send messages into the queue. Returns how many it takes: XML has no room for some characters."""
        with self.catalogue.read() as connection:
            rows = conversions.of_batch(connection, batch_id, [State.SUBMITTED])
        task_ids = [one.task_id for one in rows if one.task_id]
        sent = tried = 0
        with self._queue() as queue:
            while sent < count and tried < 3 * count:
                tried += 1
                try:
                    queue.send_message(mns_queue.Message(awkward_message(task_ids, chance)))
                    sent += 1
                except (mns_exception.MNSExceptionBase, UnicodeError):
                    continue
        return sent

    @contextmanager
    def _queue(self) -> Iterator[Any]:
        account = mns_account.Account(self.smq.endpoint, self.smq.access_key_id, self.smq.access_key_secret)
        queue = account.get_queue(self.queue)
        queue.set_encoding(False)
        try:
            yield queue
        finally:
            account.mns_client.close_connection()

    def _wait(self, batch_id: int) -> None:
        async def wait() -> None:
            until = datetime.now(UTC) + WAIT
            async with SharedPoller(self.catalogue, self.oss, self.smq, self.queue, long_poll=1) as poller:
                shards = self._shards(batch_id)
                waiters = (ShardWaiter(poller, (batch_id, one), until=until, ask_after=20.0) for one in shards)
                await asyncio.gather(*(one.wait() for one in waiters))
                async with SmqClient(self.smq) as client:
                    while int((await client.queue_attributes(self.queue)).get("ActiveMessages", 0)):
                        await poller.drain(1)

        asyncio.run(wait())

    def _verify(self, batch_id: int) -> None:
        """As Airflow does it: tried again where an output was promised by a message before it was there."""
        end = time.monotonic() + WAIT.total_seconds()
        while True:
            try:
                verify_batch(self.catalogue, self.oss, batch_id, profiles={PROFILE.name: PROFILE})
            except OutputNotYet:
                if time.monotonic() > end:
                    raise
                time.sleep(1.0)
            else:
                return

    def _check(
        self, batch_id: int, neighbours: set[str], odd_keys: set[str], left_out: Counter[str], findings: Findings
    ) -> None:
        with self.catalogue.read() as connection:
            rows = conversions.of_batch(connection, batch_id, list(State))
        state = {one.key: one.state for one in rows}
        findings.counts.update(f"rows {one.value}" for one in state.values())
        for key in sorted(neighbours):
            findings.counts["neighbours published"] += state.get(key) is State.PUBLISHED
            if state.get(key) is not State.PUBLISHED:
                findings.problems.append(f"the neighbour {key} is {state.get(key)}")
        findings.problems += [f"{one.key!a} is left {one.state}" for one in rows if one.state not in ENDED]
        silent = [one for one in rows if one.state not in {State.PUBLISHED} and not (one.code or one.message)]
        findings.problems += [f"{one.key!a} is {one.state} without a reason" for one in silent]
        lost = len([key for key in odd_keys if key not in state]) - sum(left_out.values())
        if lost > 0:
            findings.problems.append(f"{lost} awkward keys are neither rows nor counted as left out")
        unstorable = sum(count for reason, count in left_out.items() if reason.startswith(UNSTORABLE))
        findings.counts["keys with a NUL"] += unstorable


def seed_files(encode: Callable[[bytes, str], bytes], formats: tuple[str, ...]) -> list[bytes]:
    """The files that are mutated: a tone as WAV, and what an encoder makes of it in other formats."""
    whole = wave_file(pcm(), rate=8000)
    return [whole, *(encode(whole, name) for name in formats)]
