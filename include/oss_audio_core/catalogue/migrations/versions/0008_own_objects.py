"""Objects at final keys that the catalogue may write over though no rendition's row has them.

Final keys are written only where they are absent or the catalogue's own. Renditions prove it by key and ETag; these
rows prove it for outputs that were written in place, and for what a person took over.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "own_object",
        sa.Column("bucket", sa.Text(), nullable=False, comment="bucket of the object"),
        sa.Column("key", key, nullable=False, comment="key of the object"),
        sa.Column("etag", sa.Text(), nullable=False, comment="ETag of the object; another one at the key is not meant"),
        sa.Column("reason", sa.Text(), nullable=False, comment="written in place, or taken over"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, comment="UTC; when it was recorded"),
        sa.Column(
            "used_at",
            sa.DateTime(timezone=True),
            comment="UTC; when a rendition was published over it, after which the row allows nothing; null: not yet",
        ),
        sa.PrimaryKeyConstraint("bucket", "key", "etag", name="pk_own_object"),
        comment="Objects at final keys that the catalogue may write over, besides the renditions",
    )


def downgrade() -> None:
    op.drop_table("own_object")
