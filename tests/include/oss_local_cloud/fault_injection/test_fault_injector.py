"""The fault injector decides which occasions become faults, and records them before they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from oss_local_cloud.clock import CloudClock
from oss_local_cloud.fault_injection import fault_store
from oss_local_cloud.fault_injection.fault_injector import FaultInjector, FaultSubject, matches_key
from oss_local_cloud.fault_injection.rules import Base64, InvalidRule, Lost, Reset


async def test_a_rule_with_a_limit_fires_that_often_over_a_restart(tmp_path: Path) -> None:
    async with FaultInjector(tmp_path, CloudClock()).open(seed=1) as injector:
        active = await injector.add_rule(Lost(times=2))
        assert injector.fires(active, "x") is not None
        await injector.record(active, FaultSubject(bucket="b", key="k"))
        assert active.left == 1
    async with FaultInjector(tmp_path, CloudClock()).open(seed=None) as injector:
        (kept,) = injector.messages
        assert (kept.id, kept.left) == ("r1", 1)
        assert [injector.fires(kept, "x") is not None for _ in range(3)] == [True, False, False]
        faults = await injector.database.run(lambda db: fault_store.page_of_faults(db, 0, 10))
        assert [(fault.rule, fault.fault, fault.bucket, fault.key) for fault in faults] == [("r1", "lost", "b", "k")]
        state = await injector.state()
        assert (state.seed, state.starts, state.rules, state.faults) == (1, 2, 1, 1)


async def test_frequent_faults_are_counted_and_not_logged(tmp_path: Path) -> None:
    async with FaultInjector(tmp_path, CloudClock()).open(seed=1) as injector:
        active = await injector.add_rule(Base64())
        injector.fires(active, "x")
        await injector.record(active, FaultSubject())
        assert (active.fired, (await injector.state()).faults) == (1, 0)
        await injector.record(active, FaultSubject(), always=True)
        assert (await injector.state()).faults == 1


async def test_rules_without_an_id_are_numbered_and_ids_are_unique(tmp_path: Path) -> None:
    async with FaultInjector(tmp_path, CloudClock()).open(seed=1) as injector:
        rules = await injector.replace_rules([Lost(), Reset(service="oss", id="r1"), Lost()])
        assert [active.id for active in rules] == ["r2", "r1", "r3"]
        assert [active.id for active in injector.requests] == ["r1"]
        with pytest.raises(InvalidRule, match="r1"):
            await injector.add_rule(Lost(id="r1"))
        assert await injector.remove_rule("r1") is True
        assert await injector.remove_rule("r1") is False


async def test_the_clock_offset_is_kept_and_forgotten(tmp_path: Path) -> None:
    async with FaultInjector(tmp_path, CloudClock()).open(seed=1) as injector:
        await injector.set_clock_offset(60.0)
    clock = CloudClock()
    async with FaultInjector(tmp_path, clock).open(seed=None) as injector:
        assert clock.offset == 60.0
        await injector.forget()
        assert clock.offset == 0.0


def test_a_rule_matches_by_bucket_and_key_prefix() -> None:
    rule = Lost(bucket="audio", key_prefix="in/")
    assert matches_key(rule, "audio", "in/a")
    assert not matches_key(rule, "other", "in/a")
    assert not matches_key(rule, "audio", "out/a")
