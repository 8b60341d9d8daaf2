"""The audible bandwidth of sources and renditions, the bitrate of sources, and notes about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from oss_audio_core.catalogue.migrations import views_0002, views_0006

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BITRATE = "bit/s of the audio itself, without pictures, video and tags; null: not known"
BANDWIDTH = "Hz up to which there is sound; null: not decoded, or silence"


def upgrade() -> None:
    op.add_column("source", sa.Column("bitrate", sa.Integer(), comment=BITRATE))
    op.add_column("source", sa.Column("bandwidth", sa.Float(), comment=BANDWIDTH))
    op.add_column(
        "source", sa.Column("notes", sa.Text(), comment="what is odd about the source, in words; null: nothing")
    )
    op.add_column("rendition", sa.Column("bandwidth", sa.Float(), comment=BANDWIDTH))
    op.execute("DROP VIEW published_rendition")
    op.execute(views_0006.PUBLISHED_RENDITION)


def downgrade() -> None:
    # A column that a view reads can't be dropped.
    op.execute("DROP VIEW published_rendition")
    op.drop_column("rendition", "bandwidth")
    op.drop_column("source", "notes")
    op.drop_column("source", "bandwidth")
    op.drop_column("source", "bitrate")
    op.execute(views_0002.PUBLISHED_RENDITION)
