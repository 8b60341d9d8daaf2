"""Real processes: those that were started here end with their descendants, and no others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tools.stack.errors import StackError
from tools.stack.processes import MARKER, ProcessGroup

SLEEPER = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)
PARENT_OF_A_RUNAWAY = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}], start_new_session=True)
print(child.pid, flush=True)
time.sleep({{seconds}})
"""


@pytest.fixture
def group(tmp_path: Path) -> Iterator[ProcessGroup]:
    found = ProcessGroup(tmp_path)
    yield found
    found.stop(grace_seconds=0)


def start(group: ProcessGroup, code: str, name: str = "one") -> int:
    return group.start(name, [sys.executable, "-c", code], dict(os.environ), group.run_dir).pid


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def printed(group: ProcessGroup, name: str = "one") -> str:
    log = group.logs / f"{name}.log"
    wait_until(lambda: log.read_text().endswith("\n"))
    return log.read_text().strip()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_each_process_has_a_session_and_carries_the_mark(group: ProcessGroup) -> None:
    pid = start(group, SLEEPER)
    assert os.getsid(pid) == os.getpgid(pid) == pid
    assert psutil.Process(pid).environ()[MARKER] == str(group.run_dir)


def test_stop_ends_a_process_and_removes_its_record(group: ProcessGroup) -> None:
    pid = start(group, SLEEPER)
    assert group.stop() == ["one"]
    assert gone(pid)
    assert list(group.records.iterdir()) == []
    assert group.stop() == []


def test_a_process_that_ignores_sigterm_is_killed(group: ProcessGroup) -> None:
    pid = start(group, STUBBORN)
    assert printed(group) == "deaf"
    group.stop(grace_seconds=0.2)
    assert gone(pid)


def test_a_grandchild_in_a_session_of_its_own_ends_too(group: ProcessGroup) -> None:
    start(group, PARENT_OF_A_RUNAWAY.format(seconds=600))
    grandchild = int(printed(group))
    group.stop()
    assert gone(grandchild)


def test_an_orphan_ends_too_although_its_parent_is_gone(group: ProcessGroup) -> None:
    parent = start(group, PARENT_OF_A_RUNAWAY.format(seconds=0))
    orphan = int(printed(group))
    wait_until(lambda: gone(parent))
    assert not gone(orphan)
    group.stop()
    assert gone(orphan)


def test_another_session_finds_and_ends_left_processes(group: ProcessGroup) -> None:
    pid = start(group, SLEEPER, "left-over")
    later = ProcessGroup(group.run_dir)
    assert [process.name for process in later.recorded()] == ["left-over"]
    assert later.stop() == ["left-over"]
    wait_until(lambda: gone(pid))


def test_a_reused_pid_is_left_alone(group: ProcessGroup) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", SLEEPER])
    try:
        group.records.mkdir(parents=True)
        began_earlier = psutil.Process(stranger.pid).create_time() - 60
        record = {"name": "old", "pid": stranger.pid, "started": began_earlier}
        (group.records / "old.json").write_text(json.dumps(record))
        assert group.recorded() == []
        assert group.stop() == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_record_cut_short_by_a_crash_is_passed_over(group: ProcessGroup) -> None:
    pid = start(group, SLEEPER)
    (group.records / "one.json").write_text('{"name": "one", "pi')
    later = ProcessGroup(group.run_dir)
    assert later.recorded() == []
    later.stop()
    wait_until(lambda: gone(pid))


def test_stacks_of_other_directories_are_left_alone(
    group: ProcessGroup, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pid = start(group, SLEEPER)
    ProcessGroup(tmp_path_factory.mktemp("other")).stop()
    assert not gone(pid)


def test_a_process_that_ended_is_an_error_with_the_end_of_its_log(group: ProcessGroup) -> None:
    pid = start(group, "print('no such database'); raise SystemExit(3)")
    wait_until(lambda: gone(pid))
    with pytest.raises(StackError, match=r"(?s)one ended with exit status 3; the end of .*no such database"):
        group.require_alive()
