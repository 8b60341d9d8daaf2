"""A wait outlasts the credentials it began with: they are read anew when a service refuses them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.oss import OssSettings, OssUnavailable
from oss_audio_core.pipeline.waiting import shared_poller
from oss_audio_core.pipeline.waiting.progress import Progress
from oss_audio_core.pipeline.waiting.shared_poller import ReadConnections, SharedPoller
from oss_audio_core.smq import SmqSettings

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

Wav = Callable[..., bytes]
NEVER = 600.0
"""Longer than any test: a wait that ends earlier got a notification, and has not polled."""

DONE = Progress(0, 1, 0, 0)


class Connections:
    """Connections that are wrong for the first readings; counts all of them."""

    def __init__(self, steps: Steps, *, late: int = 0, broken: int = 0) -> None:
        self.old = replace(steps.oss, access_key_id="replaced"), replace(steps.smq, access_key_id="replaced")
        self.new = steps.oss, steps.smq
        self.late, self.broken = late, broken
        self.readings = 0

    async def read(self) -> tuple[OssSettings, SmqSettings | None]:
        self.readings += 1
        if self.readings <= self.broken:
            raise LookupError("the backend of secrets is away")
        return self.old if self.readings <= self.broken + self.late else self.new

    def poller(self, steps: Steps, queue: str | None, read_connections: ReadConnections | None = None) -> SharedPoller:
        return SharedPoller(
            steps.catalogue, *self.old, queue, long_poll=1, read_connections=read_connections or self.read
        )


@pytest.fixture
def submitted(steps: Steps, wav: Wav) -> int:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    return batch


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_poller, "RECONNECT_EVERY", 0.05)


def wait(steps: Steps, batch: int, own: SharedPoller, ask_after: float, told: list[str] | None = None) -> Progress:
    async def course() -> Progress:
        async with own:
            tell = logging.getLogger(__name__).info if told is None else told.append
            return await steps.waiting(batch, at=own, ask_after=ask_after, log_line=tell)

    return asyncio.run(course())


def test_the_queue_is_read_with_new_credentials(steps: Steps, submitted: int) -> None:
    connections = Connections(steps)
    own = connections.poller(steps, steps.queue)
    assert wait(steps, submitted, own, NEVER) == DONE
    assert (connections.readings, own.smq) == (1, steps.smq)


@pytest.mark.parametrize("trouble", [{}, {"late": 3}, {"broken": 2}])
def test_oss_and_imm_are_asked_with_new_credentials(
    steps: Steps, submitted: int, often: None, trouble: dict[str, int]
) -> None:
    connections = Connections(steps, **trouble)
    told: list[str] = []
    assert wait(steps, submitted, connections.poller(steps, None), 0.1, told) == DONE
    assert connections.readings == 1 + sum(trouble.values())
    # A refusal that has passed is no longer logged.
    assert "access key id" not in told[-1]


def test_imm_alone_reports_a_refusal_too(steps: Steps, submitted: int, often: None) -> None:
    # Without a staged output there is nothing to list.
    steps.change(publish="direct")
    connections = Connections(steps)
    assert wait(steps, submitted, connections.poller(steps, None), 0.1) == DONE


def test_a_connection_that_stays_refused_ends_the_wait_with_the_reason(
    steps: Steps, submitted: int, often: None
) -> None:
    connections = Connections(steps, late=1_000_000)
    own = SharedPoller(steps.catalogue, *connections.old, read_connections=connections.read, refused_for=0.5)
    with pytest.raises(OssUnavailable, match="access key id is unknown"):
        wait(steps, submitted, own, 0.1)
    assert connections.readings > 1


def test_connections_are_read_anew_once_a_minute_at_most(steps: Steps) -> None:
    connections = Connections(steps, late=1_000_000)

    async def course() -> None:
        async with connections.poller(steps, None) as own:
            await asyncio.gather(*(own.reconnect() for _ in range(100)))
            await own.reconnect()

    asyncio.run(course())
    assert connections.readings == 1
