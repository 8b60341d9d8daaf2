"""Which executors keep every task on the scheduler's own machine."""

from __future__ import annotations

from airflow.sdk.configuration import conf

ONE_MACHINE = frozenset({"LocalExecutor", "SequentialExecutor"})


def executors_that_leave_the_machine() -> list[str]:
    """The configured executors ([core] executor) that may run a task on another machine; [] when none does.

    An entry may be `Name`, `alias:Name`, a full module path, and carry a team: `team=Name;Name`.
    """
    configured = conf.get("core", "executor", fallback="LocalExecutor")
    entries = [entry.strip() for team in configured.split(";") for entry in team.rpartition("=")[2].split(",")]
    names = [entry.rpartition(":")[2].rpartition(".")[2] for entry in entries if entry]
    return [name for name in names if name not in ONE_MACHINE]
