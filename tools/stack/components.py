"""The processes of Airflow: one list, which a test compares with the compose file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

API_SERVER = "api-server"
SCHEDULER = "scheduler"
DAG_PROCESSOR = "dag-processor"
TRIGGERER = "triggerer"
SECOND_TRIGGERER = "triggerer-2"
WORKER = "worker"

AIRFLOW_COMPONENTS = (API_SERVER, SCHEDULER, DAG_PROCESSOR, TRIGGERER)
"""Airflow's own commands; each runs as one process of this name."""

# Logs are read from the shared run directory; the log servers would only take fixed ports.
_NO_LOG_SERVER = "--skip-serve-logs"

LOCAL_COMMANDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        API_SERVER: (API_SERVER,),
        SCHEDULER: (SCHEDULER, _NO_LOG_SERVER),
        DAG_PROCESSOR: (DAG_PROCESSOR,),
        TRIGGERER: (TRIGGERER, _NO_LOG_SERVER),
    }
)
"""Arguments of `airflow` by process, for LocalExecutor: the scheduler runs the tasks."""

CELERY_COMMANDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **LOCAL_COMMANDS,
        SECOND_TRIGGERER: LOCAL_COMMANDS[TRIGGERER],
        WORKER: ("celery", "worker", _NO_LOG_SERVER),
    }
)
"""The same for CeleryExecutor, with two triggerers as in the compose file."""

POSTGRESQL = "postgresql"
REDIS = "redis"

LOCAL_CLOUD = "local-cloud"
LOCAL_CLOUD_COMMAND = (str(Path(sys.executable).with_name("oss-audio")), "local-cloud", "serve")
"""The command that serves the local cloud, as the distribution installs it beside this Python."""
