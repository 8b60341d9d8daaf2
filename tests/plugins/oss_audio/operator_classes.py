"""The package's operators and sensors, found and not listed: a new one can't be left out."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

from airflow.sdk import BaseOperator

import oss_audio


def operator_classes() -> list[type[BaseOperator]]:
    """Every class of the package that a DAG can have tasks of, and their bases, by name."""
    found: dict[str, type[BaseOperator]] = {}
    for module in pkgutil.walk_packages(oss_audio.__path__, "oss_audio."):
        for name, member in inspect.getmembers(import_module(module.name), inspect.isclass):
            if issubclass(member, BaseOperator) and member.__module__ == module.name:
                found[name] = member
    return [found[name] for name in sorted(found)]
