"""The catalogue's command line: what was published, what failed and why, what was saved, what is missing; upkeep."""

from __future__ import annotations

from . import browse, maintenance, stats
from .application import app

__all__ = ["app", "browse", "maintenance", "stats"]
