"""The endpoint of a conversion in flight, which has a limit of them, and the measures of a decoded source.

A later rendition of the source is compared with the measures, without reading the source again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IN_FLIGHT = "state IN ('submitting', 'submitted')"


def upgrade() -> None:
    op.add_column(
        "conversion",
        sa.Column("endpoint", sa.Text(), comment="the service that this attempt was submitted to; null: none yet"),
    )
    op.add_column(
        "source", sa.Column("inspection", sa.JSON(), comment="what decoding all of it found; null: it was not decoded")
    )
    op.create_index(
        "ix_conversion_in_flight",
        "conversion",
        ["endpoint", "state", "deadline_at"],
        sqlite_where=sa.text(IN_FLIGHT),
        postgresql_where=sa.text(IN_FLIGHT),
    )


def downgrade() -> None:
    op.drop_index("ix_conversion_in_flight", "conversion")
    op.drop_column("source", "inspection")
    op.drop_column("conversion", "endpoint")
