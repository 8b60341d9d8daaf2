"""`export`, `cancel`, `prune` and `check` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State
from oss_audio_core.catalogue.database import now
from tests.include.oss_audio_core.catalogue.rendition_folder import RenditionFolder

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library
    from tools.cloud_process import CloudProcess
from oss_audio_core.catalogue.schema import (
    notification,
)


def test_the_command_reports_repairs_and_ends_with_2_for_what_is_left(
    folder: RenditionFolder,
    local_cloud: CloudProcess,
    run_command: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OSS_ACCESS_KEY_ID", local_cloud.access_key_id)
    monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", local_cloud.access_key_secret)
    monkeypatch.setenv("OSS_REGION", local_cloud.region)
    words = ["check", "--endpoint", local_cloud.oss, "--staging", folder.staging]
    folder.publish("a.mp3")
    assert run_command(*words)[0] == 0
    folder.publish("b.mp3")
    folder.bucket.delete_object(f"{folder.root}mp3/a.mp3")
    status, out, told = run_command(*words)
    assert (status, told) == (2, "1 missing; 0 repaired, 0 deleted\n")
    assert out.splitlines()[1].startswith("missing\t")
    status, out, _ = run_command(*words, "--repair", "--json")
    assert (status, json.loads(out)["repaired"]) == (0, 1)
    assert run_command(*words)[0] == 0
    monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", "wrong-secret")
    status, out, told = run_command(*words)
    assert (status, out, told.count("\n")) == (1, "", 1)
    assert "wrong-secret" not in told


RunCommand = Callable[..., tuple[int, str, str]]


def test_a_cancelled_run_leaves_to_others_what_they_want(library: Library, run_command: RunCommand) -> None:
    library.batch("nightly/1", [library.add("a.wav", state=State.PLANNED), library.add("b.wav", state=State.SUBMITTED)])
    status, out, told = run_command("cancel", "nightly/1")
    assert (status, out) == (0, "cancelled\tleft_to_others\tin_flight\n1\t0\t1\n")
    assert told.startswith("conversions in flight are paid for")
    listed = json.loads(run_command("list", "--state", "cancelled", "--json")[1])
    assert [(one["key"], one["message"]) for one in listed["rows"]] == [
        ("a.wav", "nightly/1 was cancelled before it was submitted")
    ]
    again = json.loads(run_command("cancel", "nightly/1", "--json")[1])
    assert again == {"cancelled": 0, "left_to_others": 0, "in_flight": 1}


def test_cancelling_an_unknown_run_is_refused(library: Library, run_command: RunCommand) -> None:
    library.night()
    assert run_command("cancel", "nightly/2") == (1, "", "error: the catalogue has no run 'nightly/2'\n")


def notify(catalogue: Catalogue, task_id: str, age: timedelta) -> None:
    with catalogue.write() as connection:
        row = {"queue": "q", "message_id": task_id, "task_id": task_id, "status": "Succeeded"}
        connection.execute(sa.insert(notification).values(**row, received_at=now() - age))


def remaining(catalogue: Catalogue, column: sa.Column[int]) -> list[int]:
    with catalogue.read() as connection:
        return list(connection.scalars(sa.select(column).order_by(column)))


def test_the_command_removes_only_with_yes(
    catalogue: Catalogue, run_command: Callable[..., tuple[int, str, str]]
) -> None:
    notify(catalogue, "T", timedelta(days=10))
    assert "notifications\t0" in run_command("prune")[1]
    status, out, told = run_command("prune", "--notifications", "5")
    assert (status, "notifications\t1" in out, told) == (0, True, "nothing was removed: that needs --yes\n")
    assert run_command("prune", "--notifications", "5", "--yes")[2] == "removed\n"
    assert remaining(catalogue, notification.c.id) == []
