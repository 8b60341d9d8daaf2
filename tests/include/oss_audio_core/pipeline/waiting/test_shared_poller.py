"""What the waiters of one event loop share: one look, one drainer, one thread at the catalogue, one pace of asking."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import CatalogueUnavailable
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import conversion, lease
from oss_audio_core.pipeline.waiting import drain_lease, shared_poller, status_poller
from oss_audio_core.pipeline.waiting.progress import Progress
from oss_audio_core.pipeline.waiting.status_poller import StatusPoller, submitted_of

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps
    from tests.include.oss_audio_core.pipeline.proxy import Proxy

Wav = Callable[..., bytes]
NEVER = 600.0
"""Longer than any test: a wait that ends earlier got a notification, and has not polled."""

PROFILES = ("mobile-mp3", "voice-amr-nb", "podcast-opus", "web-oga")


@pytest.fixture
def submitted(steps: Steps, wav: Wav) -> list[int]:
    """Four batches of one source each, submitted."""
    steps.put("a.wav", wav())
    batches = [steps.plan(profile) for profile in PROFILES]
    for batch in batches:
        steps.submit(batch)
    return batches


def test_many_waiters_use_one_thread_one_role_and_looks_for_all(
    steps: Steps, submitted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, roles, looks = set(), set(), 0

    @sa.event.listens_for(steps.catalogue._engine, "before_cursor_execute")
    def watch(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        nonlocal looks
        threads.add(threading.current_thread().name)
        looks += "AS abandoned" in statement
        if statement.startswith("DELETE FROM lease"):
            roles.update(connection.scalars(sa.select(lease.c.owner)))

    answers = 0

    async def all_of_them() -> list[Progress]:
        nonlocal answers
        async with steps.poller() as shared:
            wait_for_update = shared.wait_for_update

            async def counted(*given: Any) -> Progress:
                nonlocal answers
                answers += 1
                return await wait_for_update(*given)

            monkeypatch.setattr(shared, "wait_for_update", counted)
            waiters = [steps.waiting(batch, at=shared, ask_after=NEVER) for batch in submitted * 5]
            return list(await asyncio.gather(*waiters))

    assert asyncio.run(all_of_them()) == [Progress(0, 1, 0, 0)] * 20
    assert threads == {"catalogue_0"}
    assert len(roles) == 1
    assert looks <= answers / 4


def test_two_pollers_share_a_queue_and_lose_nothing(steps: Steps, submitted: list[int]) -> None:
    # As in two triggerers: each message is drained by one of them, and reaches the waiters of both.
    async def one_triggerer() -> list[Progress]:
        async with steps.poller() as own:
            return list(await asyncio.gather(*(steps.waiting(batch, at=own, ask_after=NEVER) for batch in submitted)))

    async def both() -> list[list[Progress]]:
        return list(await asyncio.gather(one_triggerer(), one_triggerer()))

    assert asyncio.run(both()) == [[Progress(0, 1, 0, 0)] * 4] * 2
    with steps.catalogue.read() as connection:
        assert connection.scalars(sa.select(lease.c.name)).all() == []


def test_an_error_is_raised_in_all_waiters_and_later_ones_are_served(
    steps: Steps, submitted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh = shared_poller.refresh
    fails = True

    def refresh_or_fail(*given: Any) -> Any:
        if fails:
            raise CatalogueUnavailable("gone for a moment")
        return refresh(*given)

    monkeypatch.setattr(shared_poller, "refresh", refresh_or_fail)

    async def course() -> tuple[list[Any], Progress]:
        nonlocal fails
        async with steps.poller() as shared:
            first = await asyncio.gather(
                *(steps.waiting(batch, at=shared) for batch in submitted), return_exceptions=True
            )
            fails = False
            return first, await steps.waiting(submitted[0], at=shared)

    first, later = asyncio.run(course())
    assert [str(error) for error in first] == ["gone for a moment"] * 4
    assert later.done


def test_a_drain_lease_that_cannot_be_released_fails_no_wait(
    steps: Steps, submitted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> None:
        raise CatalogueUnavailable("locked for a moment")

    monkeypatch.setattr(drain_lease.leases, "release", locked)
    assert steps.wait(submitted[0], ask_after=NEVER) == Progress(0, 1, 0, 0)


def test_a_cancelled_waiter_leaves_the_others_waiting(steps: Steps, submitted: list[int]) -> None:
    async def course() -> Progress:
        async with steps.poller() as shared:
            leaving, staying = (asyncio.create_task(steps.waiting(batch, at=shared)) for batch in submitted[:2])
            await asyncio.sleep(0)
            leaving.cancel()
            await asyncio.wait([leaving])
            assert leaving.cancelled()
            return await staying

    assert asyncio.run(course()) == Progress(0, 1, 0, 0)


def test_a_queue_that_cannot_be_read_is_logged_with_the_progress(
    steps: Steps, submitted: list[int], closed_port: int
) -> None:
    steps.smq = replace(steps.smq, endpoint=f"http://127.0.0.1:{closed_port}")
    told: list[str] = []
    assert steps.wait(submitted[0], ask_after=0.3, log_line=told.append).done
    assert "; queue pipeline-queue: " in told[-1]


def test_a_round_is_shorter_while_others_wait_for_theirs(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, imm_proxy: Proxy
) -> None:
    monkeypatch.setattr(status_poller, "TASKS_PER_ROUND", 4)
    for number in range(5):
        steps.put(f"{number}.wav", b"never converted")
    batches = [steps.plan(profile) for profile in PROFILES[:3]]
    steps.change(state="submitted", submitted_at=now(), output_bucket=steps.bucket)
    with steps.catalogue.write() as connection:
        for one in steps.rows():
            values = {"task_id": f"MediaConvert-endless-{one.id}", "output_key": f".staging/{steps.prefix}{one.id}"}
            connection.execute(sa.update(conversion).where(conversion.c.id == one.id).values(**values))
    project = steps.oss.imm().project_of(steps.bucket)
    counted = replace(steps.oss, imm_endpoint=imm_proxy.address, imm_project=project)

    async def ask_all() -> None:
        async with steps.poller(oss=counted, queue=None) as shared:
            await asyncio.gather(*(StatusPoller(shared, submitted_of((batch, 0))).poll() for batch in batches))

    asyncio.run(ask_all())
    # Two others wait during the first round, one during the second, none during the third.
    assert len(imm_proxy.requests) == 4 // 3 + 4 // 2 + 4
