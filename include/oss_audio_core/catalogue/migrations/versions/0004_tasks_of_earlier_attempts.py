"""Messages are looked up among the tasks of earlier attempts, too: by an index."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_attempt_task_id", "attempt", ["task_id"])


def downgrade() -> None:
    op.drop_index("ix_attempt_task_id", "attempt")
