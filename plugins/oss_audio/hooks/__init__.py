"""Hooks: from an Airflow connection to the settings that the clients of `include` are built from."""

from __future__ import annotations
