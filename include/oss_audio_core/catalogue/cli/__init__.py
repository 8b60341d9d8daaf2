"""The catalogue's command line: what was published, what failed and why, what was saved, what is missing; upkeep."""

from __future__ import annotations

from oss_audio_core.catalogue.cli import browse, maintenance, stats
from oss_audio_core.catalogue.cli.application import app

__all__ = ["app", "browse", "maintenance", "stats"]
