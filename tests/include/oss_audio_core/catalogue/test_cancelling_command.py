"""`cancel` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from oss_audio_core.catalogue import State

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library

RunCommand = Callable[..., tuple[int, str, str]]


def test_a_run_is_called_off_and_told_what_goes_on(library: Library, run_command: RunCommand) -> None:
    library.batch("nightly/1", [library.add("a.wav", state=State.PLANNED), library.add("b.wav", state=State.SUBMITTED)])
    status, out, told = run_command("cancel", "nightly/1")
    assert (status, out) == (0, "cancelled\tleft_to_others\tin_flight\n1\t0\t1\n")
    assert told.startswith("what is in flight is paid for")
    listed = json.loads(run_command("list", "--state", "cancelled", "--json")[1])
    assert [(one["key"], one["message"]) for one in listed["rows"]] == [
        ("a.wav", "nightly/1 was cancelled before it was submitted")
    ]
    again = json.loads(run_command("cancel", "nightly/1", "--json")[1])
    assert again == {"cancelled": 0, "left_to_others": 0, "in_flight": 1}


def test_a_run_that_nobody_knows(library: Library, run_command: RunCommand) -> None:
    library.night()
    assert run_command("cancel", "nightly/2") == (1, "", "error: the catalogue has no run 'nightly/2'\n")
