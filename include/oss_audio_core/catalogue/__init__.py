"""The durable record of every source, every conversion asked for, and every verified rendition."""

from __future__ import annotations

from .database import Catalogue, CatalogueError, CatalogueTrouble, CatalogueUnreachable, open_catalogue
from .states import ACTIVE, IN_FLIGHT, UNHAPPY, State, Verb

__all__ = [
    "ACTIVE",
    "IN_FLIGHT",
    "UNHAPPY",
    "Catalogue",
    "CatalogueError",
    "CatalogueTrouble",
    "CatalogueUnreachable",
    "State",
    "Verb",
    "open_catalogue",
]
