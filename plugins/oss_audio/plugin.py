"""The plugin that Airflow loads through the distribution's entry point; no file lies in a plugins folder."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from oss_audio import notes
from oss_audio.links import OSSConsoleLink

_LINKS = [OSSConsoleLink()]
_LISTENERS: list[Any] = [notes]


class OSSAudioPlugin(AirflowPlugin):
    """Registers the package's links and listeners with Airflow."""

    name = "oss_audio"
    operator_extra_links = _LINKS
    listeners = _LISTENERS
