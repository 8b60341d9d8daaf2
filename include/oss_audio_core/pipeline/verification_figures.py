"""What a batch's verification comes to in a few figures, and where its export is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.check_results import FAILED
from oss_audio_core.catalogue.schema import batch_conversion, check_result, conversion, export, rendition
from oss_audio_core.catalogue.states import State


@dataclass(frozen=True)
class Figures:
    """Sums over a batch.

    Attributes:
        verified: the published renditions, counted by how they were verified (decode, probe).
        quarantined: outputs in quarantine, counted by each check that failed; one may fail several.
        loudness: the lowest and the highest integrated loudness, LUFS; None: measured nowhere.
    """

    verified: Mapping[str, int]
    quarantined: Mapping[str, int]
    loudness: tuple[float, float] | None


@dataclass(frozen=True)
class Exported:
    """The Parquet file of a batch: its address and its rows."""

    uri: str
    rows: int


def figures_of(connection: Connection, batch_id: int) -> Figures:
    """The figures of what a batch wanted, as it stands now."""
    mine = sa.select(batch_conversion.c.conversion_id).where(batch_conversion.c.batch_id == batch_id)
    here = rendition.c.conversion_id.in_(mine)
    how = sa.func.coalesce(rendition.c.verification, "unknown")
    verified = sa.select(how, sa.func.count()).where(here).group_by(how).order_by(how)
    low, high = connection.execute(
        sa.select(sa.func.min(rendition.c.loudness_lufs), sa.func.max(rendition.c.loudness_lufs)).where(here)
    ).one()
    bad = [state.value for state in (State.QUARANTINED, State.DEAD)]
    quarantined = (
        sa.select(check_result.c.name, sa.func.count())
        .join(conversion, conversion.c.id == check_result.c.conversion_id)
        .where(
            conversion.c.id.in_(mine),
            conversion.c.state.in_(bad),
            check_result.c.attempt == conversion.c.attempt,
            check_result.c.verdict == FAILED,
        )
        .group_by(check_result.c.name)
        .order_by(check_result.c.name)
    )
    return Figures(
        verified={row[0]: row[1] for row in connection.execute(verified)},
        quarantined={row[0]: row[1] for row in connection.execute(quarantined)},
        loudness=None if low is None else (low, high),
    )


def export_of(connection: Connection, batch_id: int) -> Exported | None:
    """The last file that was written of a batch; None: there is none."""
    statement = sa.select(export.c.uri, export.c.rows).where(export.c.batch_id == batch_id)
    row = connection.execute(statement.order_by(export.c.exported_at.desc(), export.c.id.desc()).limit(1)).first()
    return None if row is None else Exported(row.uri, row.rows)
