"""The catalogue's own random name, and the copies in parts that it began: both prove what is its own in a bucket."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UID_BYTES = 6
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OBJECT_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    identity = op.create_table(
        "identity",
        sa.Column("id", sa.Integer(), sa.CheckConstraint("id = 1", name="one_row"), comment="always 1"),
        sa.Column(
            "uid",
            sa.Text(),
            nullable=False,
            comment="random name of this catalogue, in its staging keys and in the tags of its objects",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_identity"),
        comment="One row: the catalogue's own name among all that write to a bucket",
    )
    op.bulk_insert(identity, [{"id": 1, "uid": secrets.token_hex(UID_BYTES)}])
    op.create_table(
        "part_copy",
        sa.Column("upload_id", sa.Text(), comment="UploadId of OSS"),
        sa.Column("bucket", sa.Text(), nullable=False, comment="bucket of the upload"),
        sa.Column("key", OBJECT_KEY, nullable=False, comment="final key that the upload would write"),
        sa.Column("conversion_id", ID, nullable=False, comment="the conversion that is published by it"),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False, comment="UTC; when it was begun"),
        sa.PrimaryKeyConstraint("upload_id", name="pk_part_copy"),
        sa.ForeignKeyConstraint(["conversion_id"], ["conversion.id"], name="fk_part_copy_conversion_id_conversion"),
        comment="Copies in parts that are under way or broke off: a row is written before the first part is copied",
    )
    op.create_index("ix_part_copy_conversion_id", "part_copy", ["conversion_id"])


def downgrade() -> None:
    op.drop_table("part_copy")
    op.drop_table("identity")
