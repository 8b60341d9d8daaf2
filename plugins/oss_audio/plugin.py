"""The plugin that Airflow loads through the distribution's entry point; no file lies in a plugins folder."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from oss_audio.links import OSSConsoleLink

_LINKS = [OSSConsoleLink()]


class OSSAudioPlugin(AirflowPlugin):
    """Registers the package's links with Airflow."""

    name = "oss_audio"
    operator_extra_links = _LINKS
