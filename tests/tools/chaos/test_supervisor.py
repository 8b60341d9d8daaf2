"""The supervisor of the chaos harness: hits whole families, starts again what ended, resumes what it stopped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tools.chaos.injections import Manner, PlannedHit
from tools.chaos.targets import Supervisor
from tools.stack.processes import ManagedProcess, ProcessGroup

SECONDS = 60
NAME = "parent"


class SmallStack:
    """A stack of one process that has a child: what the supervisor needs of the real one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes = ProcessGroup(folder)

    def restart_component(self, name: str) -> ManagedProcess:
        return self.processes.start(name, ["sh", "-c", "sleep 600 & wait"], dict(os.environ), self.folder)

    def family(self) -> list[psutil.Process]:
        (parent,) = self.processes.recorded()
        process = psutil.Process(parent.pid)
        wait_until(lambda: len(process.children()) == 1)
        return [process, *process.children()]


def planned(manner: Manner, seconds: float = 0.1) -> PlannedHit:
    return PlannedHit(NAME, manner, pause=0.0, seconds=seconds, which=0.5)


def lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[SmallStack]:
    small = SmallStack(tmp_path)
    small.restart_component(NAME)
    yield small
    small.processes.stop()


def test_a_victim_is_killed_with_its_children_and_started_again(stack: SmallStack) -> None:
    supervisor, before = Supervisor(stack), stack.family()
    with supervisor.watching():
        supervisor.hit(planned(Manner.WHOLE))
        assert not any(lives(process) for process in before)
        wait_until(lambda: bool(stack.processes.recorded()))
        assert stack.family()[0].pid != before[0].pid
    assert [(hit.victim, hit.what) for hit in supervisor.hits] == [(NAME, "kill -9")]
    assert supervisor.restarts == []


def test_the_parent_alone_is_killed_and_its_orphan_a_while_later(stack: SmallStack) -> None:
    supervisor, (parent, child) = Supervisor(stack), stack.family()
    with supervisor.watching():
        supervisor.hit(planned(Manner.PARENT, seconds=2.0))
        assert not lives(parent)
        wait_until(lambda: bool(stack.processes.recorded()))
        wait_until(lambda: not lives(child))
    assert supervisor.restarts == []


def test_orphans_end_with_the_supervision(stack: SmallStack) -> None:
    supervisor, (_, child) = Supervisor(stack), stack.family()
    with supervisor.watching():
        supervisor.hit(planned(Manner.PARENT, seconds=3600.0))
        assert lives(child)
    wait_until(lambda: not lives(child))


def test_one_child_is_killed_and_its_parent_goes_on(stack: SmallStack) -> None:
    supervisor, (parent, child) = Supervisor(stack), stack.family()
    with supervisor.watching():
        hit = supervisor.hit(planned(Manner.CHILD))
        assert not lives(child)
        wait_until(lambda: len(supervisor.restarts) == 1)  # the shell had nothing more to wait for
        assert not lives(parent)
    assert "sleep 600" in hit.what
    assert [name for name, _ in supervisor.restarts] == [NAME]


def test_who_stands_still_is_killed_instead_of_stopped_again(stack: SmallStack) -> None:
    supervisor, family = Supervisor(stack), stack.family()
    with supervisor.watching():
        supervisor.hit(planned(Manner.STOP, seconds=3600.0))
        hit = supervisor.hit(planned(Manner.STOP, seconds=3600.0))
        assert not any(lives(process) for process in family)
    assert (hit.what, supervisor.standing_still()) == (Manner.WHOLE.value, set())


def test_what_ends_by_itself_is_started_again_and_counted(stack: SmallStack) -> None:
    supervisor, before = Supervisor(stack), stack.family()
    with supervisor.watching():
        os.kill(before[0].pid, signal.SIGKILL)
        wait_until(lambda: len(supervisor.restarts) == 1)
    assert supervisor.restarts[0][0] == NAME
    assert supervisor.hits == []


def test_a_stopped_victim_stands_still_with_its_children_and_goes_on(stack: SmallStack) -> None:
    supervisor, family = Supervisor(stack), stack.family()
    with supervisor.watching():
        supervisor.hit(planned(Manner.STOP, seconds=1.0))
        assert supervisor.standing_still() == {NAME}
        wait_until(lambda: not supervisor.standing_still())
        wait_until(lambda: all(process.status() != psutil.STATUS_STOPPED for process in family))
    assert supervisor.hits[0].until - supervisor.hits[0].at == pytest.approx(1.0)


def test_nothing_is_left_standing_still_at_the_end(stack: SmallStack) -> None:
    supervisor, family = Supervisor(stack), stack.family()
    with supervisor.watching():
        supervisor.hit(planned(Manner.STOP, seconds=3600.0))
        wait_until(lambda: all(process.status() == psutil.STATUS_STOPPED for process in family))
    wait_until(lambda: all(process.status() != psutil.STATUS_STOPPED for process in family))
