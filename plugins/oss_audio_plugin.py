"""The one file that Airflow loads from the plugins folder; the rest is imported as the package oss_audio.

Airflow runs each .py file below the plugins folder and registers it in sys.modules under its bare stem, so
the package is listed in .airflowignore next to this file.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from oss_audio.links import OPERATOR_EXTRA_LINKS

LINKS = list(OPERATOR_EXTRA_LINKS)


class OSSAudioPlugin(AirflowPlugin):
    """Registers the package's links with Airflow."""

    name = "oss_audio"
    operator_extra_links = LINKS
