"""The first schema: batches, sources, conversions, the notification inbox and published renditions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="dag_id/run_id: a cleared run finds its batch"),
        sa.Column("uid", sa.Text(), nullable=False, comment="random part of the staging keys: never met twice"),
        sa.Column("params", sa.JSON(), nullable=False, comment="what the run was asked for"),
        sa.Column("listed", sa.Integer(), nullable=False, comment="objects the selection matched"),
        sa.Column("passed_over", sa.JSON(), nullable=False, comment="objects left out while listing, by reason"),
        sa.Column("decisions", sa.JSON(), nullable=False, comment="what planning decided, counted by decision"),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("name", name=op.f("uq_batch_name")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
        comment="Named roles that one process holds at a time, such as draining a queue",
    )
    op.create_table(
        "notification",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=True, comment="null when the message could not be decoded"),
        sa.Column("status", sa.Text(), nullable=True, comment="Succeeded, Failed, …"),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True, comment="raw bytes, kept only if undecodable"),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint("task_id", "status", name=op.f("uq_notification_task_id_status")),
        comment="The inbox: every message of the queue, once per task and status; a hint, never the truth",
    )
    op.create_index(
        "uq_notification_undecodable",
        "notification",
        ["queue", "message_id"],
        unique=True,
        sqlite_where=sa.text("task_id IS NULL"),
        postgresql_where=sa.text("task_id IS NULL"),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False, comment="one row per content: a changed object is another source"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("last_modified", sa.DateTime(timezone=True), nullable=False, comment="by OSS's own clock"),
        sa.Column("first_listed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("probe", sa.JSON(), nullable=True, comment="what probing the source found; null before"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("bucket", "key", "etag", name=op.f("uq_source_bucket_key_etag")),
    )
    op.create_table(
        "conversion",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False, comment="of the source"),
        sa.Column("key", sa.Text(), nullable=False, comment="of the source"),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="of the profile's parameters and target template"),
        sa.Column("process", sa.Text(), nullable=False, comment="audio/convert,… as it is submitted"),
        sa.Column("target_bucket", sa.Text(), nullable=False),
        sa.Column("target_key", sa.Text(), nullable=False),
        sa.Column(
            "publish", sa.Text(), nullable=False, comment="staged: verified, then copied; direct: written in place"
        ),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("newest", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="grows only after a proven failure"),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column(
            "retry_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="a failed conversion is planned again only after this",
        ),
        sa.Column(
            "claimed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was claimed for its last submit: the task of that is not older",
        ),
        sa.Column(
            "token", sa.Text(), nullable=True, comment="of the claim that may write this row while it is submitted"
        ),
        sa.Column(
            "lease_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="end of that claim; then the submit is reconciled",
        ),
        sa.Column("output_bucket", sa.Text(), nullable=True, comment="where this attempt writes"),
        sa.Column(
            "output_key",
            sa.Text(),
            nullable=True,
            comment="a key of this attempt alone (staged), or the target key (direct)",
        ),
        sa.Column("task_id", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "deadline_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="absolute; later than this the conversion has failed",
        ),
        sa.Column("output_etag", sa.Text(), nullable=True),
        sa.Column("output_size", sa.BigInteger(), nullable=True),
        sa.Column("measured", sa.JSON(), nullable=True, comment="what probing the output found"),
        sa.Column("checks", sa.JSON(), nullable=True, comment="list of {name, expected, measured, passed}"),
        sa.Column("code", sa.Text(), nullable=True, comment="of the failure, the service's own where it gave one"),
        sa.Column("message", sa.Text(), nullable=True, comment="the reason, in words"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_conversion_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversion")),
        sa.UniqueConstraint(
            "bucket",
            "key",
            "profile",
            "target_bucket",
            "generation",
            name=op.f("uq_conversion_bucket_key_profile_target_bucket_generation"),
        ),
    )
    op.create_index(op.f("ix_conversion_source_id"), "conversion", ["source_id"], unique=False)
    op.create_index("ix_conversion_target", "conversion", ["target_bucket", "target_key"], unique=False)
    op.create_index(op.f("ix_conversion_task_id"), "conversion", ["task_id"], unique=False)
    op.create_index(
        "uq_conversion_newest",
        "conversion",
        ["bucket", "key", "profile", "target_bucket"],
        unique=True,
        sqlite_where=sa.text("newest"),
        postgresql_where=sa.text("newest"),
    )
    op.create_index(
        "uq_conversion_target",
        "conversion",
        ["target_bucket", "target_key"],
        unique=True,
        sqlite_where=sa.text("newest AND state <> 'skipped'"),
        postgresql_where=sa.text("newest AND state <> 'skipped'"),
    )
    op.create_table(
        "listing",
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_listing_batch_id_batch"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("batch_id", "bucket", "key", name=op.f("pk_listing")),
        comment="What one batch's listing saw; emptied when the batch is planned",
    )
    op.create_table(
        "batch_conversion",
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("conversion_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False, comment="why the batch wants it: new, changed, joined, …"),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_batch_conversion_batch_id_batch"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["conversion_id"], ["conversion.id"], name=op.f("fk_batch_conversion_conversion_id_conversion")
        ),
        sa.PrimaryKeyConstraint("batch_id", "conversion_id", name=op.f("pk_batch_conversion")),
        comment="Which batches want a conversion; a second one joins the first",
    )
    op.create_index("ix_batch_conversion_conversion", "batch_conversion", ["conversion_id"], unique=False)
    op.create_index("ix_batch_conversion_shard", "batch_conversion", ["batch_id", "shard"], unique=False)
    op.create_table(
        "rendition",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("conversion_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("codec", sa.Text(), nullable=False),
        sa.Column("sample_rate", sa.Integer(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("duration", sa.Float(), nullable=False),
        sa.Column("bitrate", sa.Integer(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversion_id"], ["conversion.id"], name=op.f("fk_rendition_conversion_id_conversion")
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_rendition_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rendition")),
        sa.UniqueConstraint("bucket", "key", name=op.f("uq_rendition_bucket_key")),
        sa.UniqueConstraint("conversion_id", name=op.f("uq_rendition_conversion_id")),
        comment="Verified renditions that stand at their final keys",
    )
    op.create_index(op.f("ix_rendition_source_id"), "rendition", ["source_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_rendition_source_id"), table_name="rendition")
    op.drop_table("rendition")
    op.drop_index("ix_batch_conversion_shard", table_name="batch_conversion")
    op.drop_index("ix_batch_conversion_conversion", table_name="batch_conversion")
    op.drop_table("batch_conversion")
    op.drop_table("listing")
    op.drop_index(
        "uq_conversion_target",
        table_name="conversion",
        sqlite_where=sa.text("newest AND state <> 'skipped'"),
        postgresql_where=sa.text("newest AND state <> 'skipped'"),
    )
    op.drop_index(
        "uq_conversion_newest",
        table_name="conversion",
        sqlite_where=sa.text("newest"),
        postgresql_where=sa.text("newest"),
    )
    op.drop_index(op.f("ix_conversion_task_id"), table_name="conversion")
    op.drop_index("ix_conversion_target", table_name="conversion")
    op.drop_index(op.f("ix_conversion_source_id"), table_name="conversion")
    op.drop_table("conversion")
    op.drop_table("source")
    op.drop_index(
        "uq_notification_undecodable",
        table_name="notification",
        sqlite_where=sa.text("task_id IS NULL"),
        postgresql_where=sa.text("task_id IS NULL"),
    )
    op.drop_table("notification")
    op.drop_table("lease")
    op.drop_table("batch")
