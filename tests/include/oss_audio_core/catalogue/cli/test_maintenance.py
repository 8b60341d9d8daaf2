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


def test_nothing_is_deleted_without_yes_and_with_it_only_what_the_catalogue_wrote(
    folder: RenditionFolder, local_cloud: CloudProcess, run_command: RunCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSS_ACCESS_KEY_ID", local_cloud.access_key_id)
    monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", local_cloud.access_key_secret)
    monkeypatch.setenv("OSS_REGION", local_cloud.region)
    folder.publish("a.mp3")
    orphan = folder.leave("orphan.mp3")
    staged = folder.staged_at(f"{folder.stage('{id}-1.mp3')}-1.mp3")
    others = [f"{folder.root}mp3/cover.jpg", f"{folder.root}mp3/master.wav", f"{folder.staging}song.mp3"]
    others.append(staged.replace(folder.uid, "ffffffffffff"))
    for key in others:
        folder.bucket.put_object(key, b"not the catalogue's")
    before = folder.keys()
    words = ["check", "--endpoint", local_cloud.oss, "--staging", folder.staging, "--delete-orphans", "--delete-staged"]
    status, out, notes = run_command(*words)
    assert (status, "2 younger than 24 h stay" in notes, folder.keys()) == (2, True, before)
    words += ["--older-than", "0"]
    status, out, notes = run_command(*words)
    assert (status, folder.keys()) == (2, before)
    assert "2 to delete; nothing was deleted: that needs --yes\n" in notes
    assert sorted(line.split("\t")[2] for line in out.splitlines() if line.endswith("\tto delete")) == sorted(
        [orphan, staged]
    )
    listed = json.loads(run_command(*words, "--json")[1])
    assert sorted(listed["to_delete"]) == sorted(f"oss://{folder.name}/{key}" for key in (orphan, staged))
    status, out, notes = run_command(*words, "--yes")
    assert (status, "1 orphaned, 1 staged; 0 repaired, 2 deleted" in notes) == (0, True)
    assert len([line for line in out.splitlines() if line.endswith("\tdeleted")]) == 2
    gone = {key.removeprefix(folder.root) for key in (orphan, staged)}
    assert folder.keys() == [key for key in before if key not in gone]


def test_the_name_of_the_catalogue_is_shown(folder: RenditionFolder, run_command: RunCommand) -> None:
    assert run_command("uid") == (0, f"{folder.uid}\n", "")
    assert json.loads(run_command("uid", "--json")[1]) == {"uid": folder.uid}


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
