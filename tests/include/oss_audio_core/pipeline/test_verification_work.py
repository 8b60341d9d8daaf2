"""Everybody takes the outputs of a batch in the same order, so that two who write them down wait for each other."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from oss_audio_core.audio_convert import load_profiles
from oss_audio_core.catalogue import State
from oss_audio_core.pipeline.fetching import Reader
from oss_audio_core.pipeline.verification_work import outputs_by_source

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

PROFILES = ("mobile-mp3", "voice-amr-nb", "archive-flac")


def test_outputs_come_by_source_and_id_whatever_order_they_are_given_in(
    steps: Steps, wav: Callable[..., bytes]
) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav())
    steps.to_converted(*PROFILES)
    rows = steps.rows()
    random.Random(7).shuffle(rows)
    works = list(outputs_by_source(steps.catalogue, Reader(steps.oss), load_profiles(), rows))
    taken = [(output.one.source_id, output.one.id) for work in works for output in work.outputs]
    assert taken == sorted((row.source_id, row.id) for row in rows)
    assert [len({output.one.source_id for output in work.outputs}) for work in works] == [1, 1, 1]


def test_two_verifiers_of_the_same_batch_verify_everything_once(steps: Steps, wav: Callable[..., bytes]) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav())
    batch = steps.to_converted(*PROFILES)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: steps.verify(batch), range(2)))
    assert all(set(outcome) <= {"verified"} for outcome in outcomes)
    assert Counter(row.state for row in steps.rows()) == {State.VERIFIED: 9}
