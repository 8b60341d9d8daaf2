"""Triggers of one triggerer that name the same connections share a poller; what it costs is paid once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.triggers import shared_pollers
from oss_audio.triggers.shared_pollers import PollerKey, shared_poller
from oss_audio_core.pipeline.waiting.shared_poller import SharedPoller

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment

ROOT = Path(__file__).parents[4]
HERE = PollerKey("oss_default", "smq_default", "audio_catalogue", "audio-done-queue")


async def enter(stack: AsyncExitStack, *keys: PollerKey) -> list[SharedPoller]:
    return list(await asyncio.gather(*(stack.enter_async_context(shared_poller(key)) for key in keys)))


def test_a_poller_is_shared_by_the_triggers_of_one_key_alone(deployment: Deployment) -> None:
    async def course() -> list[SharedPoller]:
        others = HERE._replace(queue="another-queue"), HERE._replace(smq=None)
        async with AsyncExitStack() as stack:
            return await enter(stack, HERE, HERE, *others, HERE)

    first, second, other_queue, without_queue, third = asyncio.run(course())
    assert first is second is third
    assert len({first, other_queue, without_queue}) == 3
    assert (first.has_queue, without_queue.has_queue) == (True, False)


def test_a_hundred_triggers_that_start_at_once_read_each_connection_once(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    aget_connection = BaseHook.aget_connection

    async def counted(conn_id: str) -> Any:
        read.append(conn_id)
        return await aget_connection(conn_id)

    monkeypatch.setattr(BaseHook, "aget_connection", counted)

    async def course() -> int:
        async with AsyncExitStack() as stack:
            return len(set(await enter(stack, *[HERE] * 100)))

    assert asyncio.run(course()) == 1
    assert sorted(read) == ["audio_catalogue", "oss_default", "smq_default"]


def test_a_changed_connection_reaches_triggers_that_start_later(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_pollers, "CACHE_FOR", 0.0)

    async def course() -> list[SharedPoller]:
        async with AsyncExitStack() as stack:
            before, same = await enter(stack, HERE), await enter(stack, HERE)
            deployment.connect(oss={"read_timeout": 11})
            after, again = await enter(stack, HERE), await enter(stack, HERE)
            return [*before, *same, *after, *again]

    before, same, after, again = asyncio.run(course())
    assert before is same
    assert after is again
    assert (before.oss.read_timeout, after.oss.read_timeout) == (10, 11)


def test_the_last_trigger_closes_it_and_the_next_one_opens_another(deployment: Deployment) -> None:
    async def course() -> None:
        async with AsyncExitStack() as staying:
            async with AsyncExitStack() as leaving:
                (shared,) = await enter(leaving, HERE)
                await enter(staying, HERE)
            assert await shared.run(int, "7") == 7
        with pytest.raises(RuntimeError, match="after shutdown"):
            await shared.run(int, "7")
        async with AsyncExitStack() as later:
            (another,) = await enter(later, HERE)
            assert another is not shared
            assert await another.run(int, "7") == 7

    asyncio.run(course())


def test_a_trigger_cancelled_while_the_poller_opens_leaves_the_others_theirs(deployment: Deployment) -> None:
    async def course() -> None:
        async with AsyncExitStack() as stack:
            leaving, staying = (asyncio.create_task(enter(stack, HERE)) for _ in range(2))
            await asyncio.sleep(0)
            leaving.cancel()
            (shared,) = await staying
            assert await shared.run(int, "7") == 7
            assert leaving.cancelled()

    asyncio.run(course())


def test_a_wrong_connection_fails_every_trigger_and_is_not_remembered(deployment: Deployment) -> None:
    async def course() -> SharedPoller:
        async with AsyncExitStack() as stack:
            deployment.connect(oss={"access_key_id": ""})
            for _ in range(2):
                with pytest.raises(AirflowFailException, match="'access_key_id' is missing"):
                    await enter(stack, HERE)
            deployment.connect()
            (shared,) = await enter(stack, HERE)
            return shared

    assert asyncio.run(course()).oss.access_key_id == deployment.cloud.access_key_id


def test_the_triggers_module_imports_nothing_that_takes_long() -> None:
    # Airflow imports it on the event loop.
    program = """
import sys
import airflow.triggers.base
before = set(sys.modules)
import oss_audio.triggers.shard
print(sorted(name for name in set(sys.modules) - before if not name.startswith("oss_audio")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"},
    )
    assert done.stdout.splitlines()[-1] == "[]"
