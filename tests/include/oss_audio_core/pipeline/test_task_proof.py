"""A task wrote an object if the object was last written while the task ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from oss_audio_core.catalogue import own_objects
from oss_audio_core.catalogue.own_objects import TaskInPlace
from oss_audio_core.pipeline.task_proof import is_output

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps


def test_only_the_object_that_its_task_wrote_is_an_output(steps: Steps, wav: Callable[..., bytes]) -> None:
    steps.put("a.wav", wav())
    steps.to_converted(profiles=[replace(steps.profile, publish="direct")])
    one = steps.row()
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


def test_the_tasks_of_earlier_attempts_and_generations_count_the_latest_first(
    steps: Steps, wav: Callable[..., bytes]
) -> None:
    direct = replace(steps.profile, publish="direct")
    tasks = []
    for seconds in (0.2, 0.3):
        steps.put("a.wav", wav(seconds))
        batch = steps.to_converted(profiles=[direct])
        tasks.append(TaskInPlace(steps.bucket, steps.rows(batch)[0].task_id or ""))
    one = steps.rows()[-1]
    with steps.catalogue.read() as connection:
        assert own_objects.tasks_in_place(connection, one.target_bucket, one.target_key) == tasks[::-1]
