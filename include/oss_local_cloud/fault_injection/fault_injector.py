"""The fault injector: holds the rules, draws, counts, and logs each fault before a client can see it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Generic, TypeVar, cast, get_args

from oss_local_cloud.clock import CloudClock
from oss_local_cloud.fault_injection import fault_store
from oss_local_cloud.fault_injection.fault_store import StoredRule
from oss_local_cloud.fault_injection.records import Fault, State
from oss_local_cloud.fault_injection.rules import (
    COUNTED_ONLY,
    AnyRule,
    InvalidRule,
    MessageRule,
    RequestRule,
    TaskRule,
)
from oss_local_cloud.fault_injection.seeded_random import SeededRandom
from oss_local_cloud.sqlite_thread import SqliteThread

Model = TypeVar("Model", bound=AnyRule, covariant=True)


@dataclass
class ActiveRule(Generic[Model]):
    """A rule in force and its figures.

    Attributes:
        seen: occasions that matched since the start.
        fired: how many became faults; includes earlier starts as far as that is stored.
    """

    id: str
    rule: Model
    fired: int = 0
    seen: int = 0

    @property
    def left(self) -> int | None:
        """How often it can still happen; None without a limit."""
        return None if self.rule.times is None else max(0, self.rule.times - self.fired)


@dataclass(frozen=True)
class FaultSubject:
    """What a fault happened to; see `records.Fault`."""

    bucket: str = ""
    key: str = ""
    service: str = ""
    operation: str = ""
    request_id: str = ""
    task_id: str = ""


class FaultInjector:
    """The rules of one local cloud and its log of faults, kept in `data_dir/fault_injection/faults.db`.

    `clock` is the cloud's clock, which this object moves. All methods run in the event loop. A decision is made without
    a pause, so concurrent callers never share one of a rule's `times`.
    """

    def __init__(self, data_dir: Path, clock: CloudClock) -> None:
        self.directory = data_dir / "fault_injection"
        self.draining = asyncio.Event()
        self.clock = clock
        self._db = SqliteThread(self.directory / "faults.db", fault_store.SCHEMA)
        self._settings = fault_store.Settings(0, 0, 0.0)
        self._random = SeededRandom(0, 0)
        self._rules: tuple[ActiveRule[AnyRule], ...] = ()
        self._changing = asyncio.Lock()
        self.requests: tuple[ActiveRule[RequestRule], ...] = ()
        self.messages: tuple[ActiveRule[MessageRule], ...] = ()
        self.tasks: tuple[ActiveRule[TaskRule], ...] = ()

    @asynccontextmanager
    async def open(self, seed: int | None) -> AsyncIterator[FaultInjector]:
        """Read the stored state and continue with it; a given `seed` replaces the stored one."""
        await self._db.start()
        try:
            self._settings, stored = await self._db.run(
                lambda db: (fault_store.begin(db, seed), fault_store.load_rules(db))
            )
            self.clock.offset = self._settings.clock_offset
            self._random = SeededRandom(self._settings.seed, self._settings.starts)
            self._use([ActiveRule(one.id, one.rule, one.fired) for one in stored])
            yield self
        finally:
            await self._db.stop()

    @property
    def database(self) -> SqliteThread:
        """Where faults and held messages are."""
        return self._db

    @property
    def rules(self) -> Sequence[ActiveRule[AnyRule]]:
        """All rules in their order."""
        return self._rules

    async def state(self) -> State:
        """The seed, the clock and the counts."""
        faults, waiting = await self._db.run(lambda db: (fault_store.count_faults(db), fault_store.count_held(db)))
        seed, starts = self._settings.seed, self._settings.starts
        return State(seed, starts, self.clock.offset, len(self._rules), faults, waiting)

    # --- changing

    async def replace_rules(self, wanted: Sequence[AnyRule]) -> Sequence[ActiveRule[AnyRule]]:
        """Replace all rules.

        Raises:
            InvalidRule: Two rules have the same id.
        """
        async with self._changing:
            await self._keep(self._named(wanted, []))
            return self._rules

    async def add_rule(self, wanted: AnyRule) -> ActiveRule[AnyRule]:
        """Add a rule after the others.

        Raises:
            InvalidRule: Its id is taken.
        """
        async with self._changing:
            await self._keep(self._named([wanted], self._rules))
            return self._rules[-1]

    async def remove_rule(self, rule_id: str) -> bool:
        """Remove a rule; False when there is none of that id."""
        async with self._changing:
            left = [active for active in self._rules if active.id != rule_id]
            if len(left) == len(self._rules):
                return False
            await self._keep(left)
            return True

    async def set_seed(self, seed: int) -> None:
        """Restart the random sequence, with another seed or with the same one."""
        await self._db.run(lambda db: fault_store.set_seed(db, seed))
        self._settings = fault_store.Settings(seed, self._settings.starts, self._settings.clock_offset)
        self._random = SeededRandom(seed, self._settings.starts)

    async def set_clock_offset(self, seconds: float) -> None:
        """Put the clock of all services ahead of the machine's (behind, when negative)."""
        await self._db.run(lambda db: fault_store.set_clock_offset(db, seconds))
        self.clock.offset = seconds

    async def forget(self) -> None:
        """Remove rules and faults, reset the clock, restart the random sequence."""
        await self.replace_rules([])
        await self.set_clock_offset(0.0)
        await self.set_seed(self._settings.seed)
        await self._db.run(fault_store.forget_faults)

    # --- deciding

    def fires(self, active: ActiveRule[AnyRule], identity: str) -> Random | None:
        """Decide on an occasion that matches the rule; returns a generator for details when the fault happens."""
        active.seen += 1
        if active.left == 0:
            return None
        random = self._random.draw(active.id, identity)
        if random.random() >= active.rule.rate:
            return None
        active.fired += 1
        return random

    async def record(
        self,
        active: ActiveRule[AnyRule],
        subject: FaultSubject,
        *,
        when: str = "",
        detail: str = "",
        always: bool = False,
    ) -> None:
        """Store that a rule has fired, before a client sees it. Some faults are counted only, unless `always`."""
        times, logged = active.fired, always or active.rule.fault not in COUNTED_ONLY
        if not logged and active.rule.times is None:
            return
        at_ms = time.time_ns() // 1_000_000
        fault = Fault(0, at_ms, active.id, active.rule.fault, **vars(subject), when=when, detail=detail)

        def work(db: sqlite3.Connection) -> None:
            fault_store.fired(db, active.id, times)
            if logged:
                fault_store.log(db, fault)

        await self._db.run(work)

    async def pause(self, seconds: float) -> None:
        """Wait, but not longer than until the service ends."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.draining.wait()

    # --- inside

    def _named(self, wanted: Sequence[AnyRule], existing: Sequence[ActiveRule[AnyRule]]) -> list[ActiveRule[AnyRule]]:
        named = list(existing)
        for rule in wanted:
            taken = {active.id for active in named} | {other.id for other in wanted if other is not rule and other.id}
            name = rule.id or next(free for number in range(1, len(taken) + 2) if (free := f"r{number}") not in taken)
            if name in taken:
                raise InvalidRule(f"id: there is a rule {name} already; ids must differ")
            named.append(ActiveRule(name, rule))
        return named

    async def _keep(self, kept: list[ActiveRule[AnyRule]]) -> None:
        stored = [StoredRule(active.id, active.rule, active.fired) for active in kept]
        await self._db.run(lambda db: fault_store.keep_rules(db, stored))
        self._use(kept)

    def _use(self, kept: list[ActiveRule[AnyRule]]) -> None:
        self._rules = tuple(kept)
        self.requests = cast("tuple[ActiveRule[RequestRule], ...]", _of(kept, get_args(RequestRule)))
        self.messages = cast("tuple[ActiveRule[MessageRule], ...]", _of(kept, get_args(MessageRule)))
        self.tasks = cast("tuple[ActiveRule[TaskRule], ...]", _of(kept, get_args(TaskRule)))


def _of(kept: Sequence[ActiveRule[AnyRule]], kinds: tuple[type, ...]) -> tuple[ActiveRule[AnyRule], ...]:
    return tuple(active for active in kept if isinstance(active.rule, kinds))


def matches_key(rule: AnyRule, bucket: str, key: str) -> bool:
    """Whether a rule covers this bucket and key."""
    return (rule.bucket is None or rule.bucket == bucket) and key.startswith(rule.key_prefix)
