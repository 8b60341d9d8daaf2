"""The durable record of every source, every conversion asked for, and every verified rendition."""

from __future__ import annotations

from oss_audio_core.catalogue.database import (
    Catalogue,
    CatalogueError,
    CatalogueTrouble,
    CatalogueUnreachable,
    open_catalogue,
)
from oss_audio_core.catalogue.states import ACTIVE, FAILED_STATES, IN_FLIGHT, State, Verb

__all__ = [
    "ACTIVE",
    "FAILED_STATES",
    "IN_FLIGHT",
    "Catalogue",
    "CatalogueError",
    "CatalogueTrouble",
    "CatalogueUnreachable",
    "State",
    "Verb",
    "open_catalogue",
]
