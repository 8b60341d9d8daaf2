"""Which endpoint a conversion in flight loads: the limit of conversions in flight is the endpoint's."""

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
    op.create_index(
        "ix_conversion_in_flight",
        "conversion",
        ["endpoint", "state", "deadline_at"],
        sqlite_where=sa.text(IN_FLIGHT),
        postgresql_where=sa.text(IN_FLIGHT),
    )


def downgrade() -> None:
    op.drop_index("ix_conversion_in_flight", "conversion")
    op.drop_column("conversion", "endpoint")
