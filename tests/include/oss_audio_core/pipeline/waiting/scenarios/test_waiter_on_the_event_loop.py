"""The waiter lives on the triggerer's event loop: no file, no socket, no database and no import may block it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from blockbuster import blockbuster_ctx

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps


def test_the_waiter_never_blocks_the_event_loop(steps: Steps, wav: Callable[..., bytes]) -> None:
    steps.put("a.wav", wav())
    steps.put("b.wav", b"no audio at all")

    async def wait(batch: int, queue: str | None) -> None:
        with blockbuster_ctx():
            # A log may block as well: Airflow's writes into a pipe that another process empties.
            progress = await steps.waiting(batch, queue=queue, ask_after=0.2, log_line=lambda line: time.sleep(0.01))
        assert (progress.converted, progress.failed) == (1, 1)

    told = steps.plan("mobile-mp3")
    steps.submit(told)
    asyncio.run(wait(told, steps.queue))
    # Without notifications: outputs are listed, tasks are polled.
    asked = steps.plan("voice-amr-nb")
    steps.submit(asked, topic=None)
    asyncio.run(wait(asked, None))
