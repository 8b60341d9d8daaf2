"""The frame of a chaos command: its exit status, what it prints, and which folder it keeps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.harness import MAX_SHOWN, Say, run_harness
from tools.stack import StackError


def test_a_kept_promise_is_printed_with_its_seed(capsys: pytest.CaptureFixture[str]) -> None:
    folders: list[Path] = []

    def work(folder: Path, seed: int, say: Say) -> list[str]:
        folders.append(folder)
        (folder / "log").write_text("kept while the command runs")
        say(f"seed {seed}")
        return []

    assert run_harness(work, "nothing was lost", seed=7) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\[ +\d+ s\] seed 7", first)
    assert last.endswith("nothing was lost (seed 7)")
    assert not folders[0].exists()


def test_broken_promises_are_counted_and_the_folder_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def work(folder: Path, seed: int, say: Say) -> list[str]:
        return [f"problem {number}" for number in range(MAX_SHOWN + 5)]

    assert run_harness(work, "nothing was lost", seed=7, folder=tmp_path) == 1
    *shown, last = capsys.readouterr().out.splitlines()
    assert shown == [f"broken: problem {number}" for number in range(MAX_SHOWN)]
    assert last == f"{MAX_SHOWN + 5} broken promises; the seed was 7; logs and data are in {tmp_path}"
    assert tmp_path.exists()


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [(StackError("no port is free"), 1, "error: no port is free"), (KeyboardInterrupt(), 130, "interrupted: ")],
)
def test_a_run_that_ends_early_names_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: BaseException, status: int, message: str
) -> None:
    def work(folder: Path, seed: int, say: Say) -> list[str]:
        raise error

    assert run_harness(work, "nothing was lost", seed=7, folder=tmp_path) == status
    printed = capsys.readouterr().err
    assert printed.startswith(message)
    assert f"the seed was 7; logs and data are in {tmp_path}" in printed
