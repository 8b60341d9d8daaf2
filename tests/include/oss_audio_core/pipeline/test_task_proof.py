"""A task wrote an object if the object was last written while the task ran."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.catalogue import own_objects
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.own_objects import OwnReason, TaskInPlace
from oss_audio_core.pipeline.task_proof import is_output

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps


def make_in_place(steps: Steps, content: bytes) -> Conversion:
    """Have the service write a rendition of a.wav to its final key, while nothing waits for it."""
    steps.put("a.wav", content)
    batch = steps.plan(profiles=[replace(steps.profile, publish="direct")])
    steps.submit(batch)
    one = steps.rows(batch)[0]
    deadline = time.monotonic() + 60
    while steps.oss.imm().get_task(one.bucket, one.task_id or "").status != "Succeeded":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return one


def test_only_the_object_that_its_task_wrote_is_an_output(steps: Steps, wav: Callable[..., bytes]) -> None:
    one = make_in_place(steps, wav())
    head = steps.oss.bucket(one.target_bucket).head_object(one.target_key)
    written = datetime.fromtimestamp(head.last_modified, UTC)
    with steps.catalogue.read() as connection:
        mine = own_objects.tasks_in_place(connection, one.target_bucket, one.target_key)
        assert own_objects.tasks_in_place(connection, one.target_bucket, f"{one.target_key}x") == []
    assert mine == [TaskInPlace(one.bucket, one.task_id or "")]
    tasks = steps.oss.imm()
    assert is_output(tasks, mine, written)
    assert not is_output(tasks, mine, written + timedelta(seconds=2))
    assert not is_output(tasks, mine, written - timedelta(minutes=1))
    assert not is_output(tasks, mine, None)
    assert not is_output(tasks, [TaskInPlace(one.bucket, "MediaConvert-00000000-forgotten")], written)
    assert not is_output(tasks, [], written)


def test_tasks_count_until_an_output_of_theirs_is_recorded(
    steps: Steps, wav: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make_in_place(steps, wav(seconds)) for seconds in (0.2, 0.3)]
    place = made[0].target_bucket, made[0].target_key
    with steps.catalogue.read() as connection:
        first, *_ = own_objects.tasks_in_place(connection, *place)
    assert first == TaskInPlace(made[1].bucket, made[1].task_id or "")
    monkeypatch.setattr(own_objects, "now", lambda: now() + timedelta(seconds=2))
    with steps.catalogue.write() as connection:
        own_objects.record(connection, place[0], {place[1]: "E1"}, OwnReason.WRITTEN_IN_PLACE)
        assert own_objects.tasks_in_place(connection, *place) == []


def test_an_object_that_replaces_a_verified_output_is_not_taken_for_it(steps: Steps, wav: Callable[..., bytes]) -> None:
    """Not even within the second in which the task ended."""
    one = make_in_place(steps, wav())
    steps.wait(1)
    assert steps.verify(1) == {"verified": 1}
    with steps.catalogue.read() as connection:
        assert own_objects.tasks_in_place(connection, one.target_bucket, one.target_key) == []
