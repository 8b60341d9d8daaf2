"""Run the local cloud and Airflow on one machine: for the demo, for `make up`, for tests and benchmarks."""

from __future__ import annotations

from tools.stack.airflow_api import AirflowApi
from tools.stack.environment import CloudEndpoints
from tools.stack.errors import StackError
from tools.stack.settings import PROJECT_ROOT, CloudSettings, Installation
from tools.stack.stack import Stack

__all__ = ["PROJECT_ROOT", "AirflowApi", "CloudEndpoints", "CloudSettings", "Installation", "Stack", "StackError"]
