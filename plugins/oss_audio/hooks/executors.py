"""Which executors keep every task on the scheduler's own machine."""

from __future__ import annotations

import os

from airflow.sdk.configuration import conf

ONE_MACHINE = frozenset({"LocalExecutor", "SequentialExecutor"})


def executors_that_leave_the_machine() -> list[str]:
    """The executors that may run a task on another machine: the configured ones ([core] executor), or this pod's.

    An entry may be `Name`, `alias:Name`, a full module path, and carry a team: `team=Name;Name`.
    """
    configured = conf.get("core", "executor", fallback="LocalExecutor")
    entries = [entry.strip() for team in configured.split(";") for entry in team.rpartition("=")[2].split(",")]
    names = [entry.rpartition(":")[2].rpartition(".")[2] for entry in entries if entry]
    elsewhere = [name for name in names if name not in ONE_MACHINE]
    # A pod is configured with LocalExecutor, by the Helm chart among others, and is one machine by itself.
    return elsewhere or ["KubernetesExecutor"] * bool(os.environ.get("AIRFLOW_IS_K8S_EXECUTOR_POD"))
