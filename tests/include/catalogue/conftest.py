"""A catalogue on each database it is served on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from include.catalogue import Catalogue, open_catalogue


@pytest.fixture
def catalogue(catalogue_url: sa.URL) -> Iterator[Catalogue]:
    """An open, empty catalogue."""
    opened = open_catalogue(catalogue_url)
    yield opened
    opened.close()
