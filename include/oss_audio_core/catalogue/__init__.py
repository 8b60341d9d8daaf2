"""The durable record of every source, every conversion asked for, and every verified rendition."""

from __future__ import annotations

from oss_audio_core.catalogue.database import Catalogue, open_catalogue
from oss_audio_core.catalogue.errors import CatalogueError, CatalogueUnavailable, NoSuchBatch
from oss_audio_core.catalogue.states import ACTIVE, FAILED_STATES, IN_FLIGHT, State, Verb

__all__ = [
    "ACTIVE",
    "FAILED_STATES",
    "IN_FLIGHT",
    "Catalogue",
    "CatalogueError",
    "CatalogueUnavailable",
    "NoSuchBatch",
    "State",
    "Verb",
    "open_catalogue",
]
