"""Comments in plain technical terms, and an index is named after the states that it has.

SQLite stores no comments of its own for these tables: there only the index changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from oss_audio_core.catalogue.migrations.comments_0005 import COMMENTS

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FAILED_STATES = sa.text("newest AND state IN ('failed', 'quarantined', 'dead')")


def upgrade() -> None:
    _rename_index("ix_conversion_unhappy", "ix_conversion_failed")
    _comment(after=True)


def downgrade() -> None:
    _comment(after=False)
    _rename_index("ix_conversion_failed", "ix_conversion_unhappy")


def _rename_index(before: str, after: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"ALTER INDEX {before} RENAME TO {after}")
        return
    # SQLite has no such statement.
    op.drop_index(before, "conversion")
    op.create_index(after, "conversion", ["changed_at"], sqlite_where=FAILED_STATES)


def _comment(*, after: bool) -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for table, columns in COMMENTS.items():
        for name, texts in columns.items():
            what = f"COLUMN {table}.{name}" if name else f"TABLE {table}"
            quoted = texts[after].replace("'", "''")
            op.get_bind().exec_driver_sql(f"COMMENT ON {what} IS '{quoted}'")
