"""Which endpoint a conversion in flight loads, whose limit of them it is; and what decoding a source found, so that a
later rendition of it is compared without reading the source again.
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
