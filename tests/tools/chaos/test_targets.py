"""The supervisor: it kills and stops processes with their descendants, restarts what ended, resumes what it stopped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tools.chaos.injections import InjectionKind, PlannedInjection
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
        # The command line is empty until the child has replaced the shell.
        wait_until(lambda: ["sleep", "600"] in [child.cmdline() for child in process.children()])
        return [process, *process.children()]


def planned(kind: InjectionKind, seconds: float = 0.1) -> PlannedInjection:
    return PlannedInjection(NAME, kind, pause=0.0, seconds=seconds, which=0.5)


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


def test_a_target_is_killed_with_its_children_and_restarted(stack: SmallStack) -> None:
    supervisor, before = Supervisor(stack), stack.family()
    with supervisor.watching():
        supervisor.inject(planned(InjectionKind.KILL))
        assert not any(lives(process) for process in before)
        wait_until(lambda: bool(stack.processes.recorded()))
        assert stack.family()[0].pid != before[0].pid
    assert [(injection.target, injection.what) for injection in supervisor.injections] == [(NAME, "kill -9")]
    assert supervisor.restarts == []


def test_the_parent_alone_is_killed_and_its_orphan_a_while_later(stack: SmallStack) -> None:
    supervisor, (parent, child) = Supervisor(stack), stack.family()
    with supervisor.watching():
        supervisor.inject(planned(InjectionKind.KILL_PARENT, seconds=2.0))
        assert not lives(parent)
        wait_until(lambda: bool(stack.processes.recorded()))
        wait_until(lambda: not lives(child))
    assert supervisor.restarts == []


def test_orphans_end_with_the_supervision(stack: SmallStack) -> None:
    supervisor, (_, child) = Supervisor(stack), stack.family()
    with supervisor.watching():
        supervisor.inject(planned(InjectionKind.KILL_PARENT, seconds=3600.0))
        assert lives(child)
    wait_until(lambda: not lives(child))


def test_one_child_is_killed_and_its_parent_goes_on(stack: SmallStack) -> None:
    supervisor, (parent, child) = Supervisor(stack), stack.family()
    with supervisor.watching():
        injection = supervisor.inject(planned(InjectionKind.KILL_CHILD))
        assert not lives(child)
        wait_until(lambda: len(supervisor.restarts) == 1)  # the shell had nothing more to wait for
        assert not lives(parent)
    assert "sleep 600" in injection.what
    assert [name for name, _ in supervisor.restarts] == [NAME]


def test_a_stopped_target_is_killed_instead_of_stopped_again(stack: SmallStack) -> None:
    supervisor, family = Supervisor(stack), stack.family()
    with supervisor.watching():
        supervisor.inject(planned(InjectionKind.STOP, seconds=3600.0))
        injection = supervisor.inject(planned(InjectionKind.STOP, seconds=3600.0))
        assert not any(lives(process) for process in family)
    assert (injection.what, supervisor.stopped()) == (InjectionKind.KILL.value, set())


def test_a_process_that_ends_by_itself_is_restarted_and_counted(stack: SmallStack) -> None:
    supervisor, before = Supervisor(stack), stack.family()
    with supervisor.watching():
        os.kill(before[0].pid, signal.SIGKILL)
        wait_until(lambda: len(supervisor.restarts) == 1)
    assert supervisor.restarts[0][0] == NAME
    assert supervisor.injections == []


def test_a_stopped_target_is_stopped_with_its_children_and_resumed(stack: SmallStack) -> None:
    supervisor, family = Supervisor(stack), stack.family()
    with supervisor.watching():
        supervisor.inject(planned(InjectionKind.STOP, seconds=1.0))
        assert supervisor.stopped() == {NAME}
        wait_until(lambda: not supervisor.stopped())
        wait_until(lambda: all(process.status() != psutil.STATUS_STOPPED for process in family))
    assert supervisor.injections[0].until - supervisor.injections[0].at == pytest.approx(1.0)


def test_nothing_is_left_stopped_at_the_end(stack: SmallStack) -> None:
    supervisor, family = Supervisor(stack), stack.family()
    with supervisor.watching():
        supervisor.inject(planned(InjectionKind.STOP, seconds=3600.0))
        wait_until(lambda: all(process.status() == psutil.STATUS_STOPPED for process in family))
    wait_until(lambda: all(process.status() != psutil.STATUS_STOPPED for process in family))
