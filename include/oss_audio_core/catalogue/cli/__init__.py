"""The catalogue's command line: published renditions, failures, savings, missing renditions, and maintenance."""

from __future__ import annotations

from oss_audio_core.catalogue.cli import browse, maintenance, stats, targets
from oss_audio_core.catalogue.cli.application import app

__all__ = ["app", "browse", "maintenance", "stats", "targets"]
