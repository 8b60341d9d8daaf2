"""The catalogue, read from outside by the harness: counts by state, and rows for the checker at the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, CatalogueUnavailable, State, open_catalogue
from oss_audio_core.catalogue.schema import conversion, rendition
from tools.chaos import moves


@dataclass(frozen=True)
class Row:
    """A conversion at its current attempt."""

    id: int
    key: str
    state: State
    attempt: int
    code: str | None
    message: str | None
    output_key: str | None
    task_id: str | None


@dataclass(frozen=True)
class Rendition:
    """A published rendition: the key of its object, and the ETag and size that were entered."""

    key: str
    etag: str
    size: int
    conversion_id: int


class CatalogueView:
    """Reads the catalogue at `url`, and makes its database record every move (`moves`). It has to be closed."""

    def __init__(self, url: str) -> None:
        self._catalogue: Catalogue = open_catalogue(sa.make_url(url).update_query_dict({"connect_timeout": "3"}))
        with self._catalogue.write() as connection:
            moves.install(connection)

    def close(self) -> None:
        """Close the connections."""
        self._catalogue.close()

    def states(self) -> Counter[State] | None:
        """Count the conversions by state; None when the database doesn't answer."""
        statement = sa.select(conversion.c.state, sa.func.count()).group_by(conversion.c.state)
        try:
            with self._catalogue.read() as connection:
                return Counter({State(state): count for state, count in connection.execute(statement)})
        except (CatalogueUnavailable, sa.exc.DBAPIError):
            return None

    def moves(self) -> list[moves.Move]:
        """Every move since this view was opened."""
        with self._catalogue.read() as connection:
            return moves.read(connection)

    def rows(self) -> list[Row]:
        """Every conversion."""
        with self._catalogue.read() as connection:
            return [
                Row(
                    id=one.id,
                    key=one.key,
                    state=State(one.state),
                    attempt=one.attempt,
                    code=one.code,
                    message=one.message,
                    output_key=one.output_key,
                    task_id=one.task_id,
                )
                for one in connection.execute(sa.select(conversion).order_by(conversion.c.id))
            ]

    def renditions(self) -> list[Rendition]:
        """Every row of a published rendition."""
        with self._catalogue.read() as connection:
            return [
                Rendition(one.key, one.etag, one.size, one.conversion_id)
                for one in connection.execute(sa.select(rendition))
            ]
