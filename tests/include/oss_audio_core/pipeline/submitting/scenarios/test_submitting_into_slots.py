"""A shard that has more to submit than there are slots finds out by itself what has ended, and goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.catalogue import State
from oss_audio_core.pipeline.submitting.options import SubmitOptions
from oss_audio_core.pipeline.submitting.shard_submitter import submit_shard
from oss_audio_core.pipeline.submitting.slot_reclaimer import SlotReclaimer

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps


@pytest.mark.parametrize("queue", ["pipeline-queue", None])
def test_all_of_a_shard_goes_through_few_slots(steps: Steps, wav: Callable[..., bytes], queue: str | None) -> None:
    for number in range(7):
        steps.put(f"{number}.wav", wav())
    batch = steps.plan("mobile-mp3")
    most = 0
    reclaimer = SlotReclaimer(steps.catalogue, steps.oss, steps.smq if queue else None, queue, ask_after=0.1)

    def reclaim_slots() -> None:
        nonlocal most
        in_flight = [one for one in steps.rows(batch) if one.state in {State.SUBMITTING, State.SUBMITTED}]
        most = max(most, len(in_flight))
        reclaimer.reclaim_slots()

    options = SubmitOptions(topic="pipeline" if queue else None, in_flight=2)
    assert submit_shard(steps.catalogue, steps.oss, batch, 0, options, reclaim_slots) == {"accepted": 7}
    assert most == 2
    assert len(steps.accepted()) == 7
    assert steps.wait(batch, queue=queue).failed == 0
