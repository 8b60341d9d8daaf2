"""The processes Airflow is made of: one list, which the compose file is compared with."""

from __future__ import annotations

API_SERVER = "api-server"
SCHEDULER = "scheduler"
DAG_PROCESSOR = "dag-processor"
TRIGGERER = "triggerer"

AIRFLOW_COMPONENTS = (API_SERVER, SCHEDULER, DAG_PROCESSOR, TRIGGERER)
"""Airflow's own commands; each runs as one process of this name."""

LOCAL_CLOUD = "local-cloud"
LOCAL_CLOUD_COMMAND = ("-m", "include.local_cloud", "serve")
"""Arguments of `python` that start the local cloud."""
