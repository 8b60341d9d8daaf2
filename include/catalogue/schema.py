"""The catalogue's tables. Migrations create them; everything else reads and writes through them.

Times are UTC. Durations are seconds, sizes bytes, sample rates Hz, bit rates bit/s.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC time on both databases (SQLite keeps no zone, so it is added on the way out)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True)


batch = sa.Table(
    "batch",
    metadata,
    _id(),
    sa.Column("name", sa.Text, nullable=False, unique=True, comment="dag_id/run_id: a cleared run finds its batch"),
    sa.Column("uid", sa.Text, nullable=False, comment="random part of the staging keys: never met twice"),
    sa.Column("params", sa.JSON, nullable=False, comment="what the run was asked for"),
    sa.Column("listed", sa.Integer, nullable=False, default=0, comment="objects the selection matched"),
    sa.Column("passed_over", sa.JSON, nullable=False, comment="objects left out while listing, by reason"),
    sa.Column("decisions", sa.JSON, nullable=False, comment="what planning decided, counted by decision"),
    sa.Column("dry_run", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("planned_at", UtcDateTime),
    sa.Column("reported_at", UtcDateTime),
)

listing = sa.Table(
    "listing",
    metadata,
    sa.Column("batch_id", sa.ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("bucket", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("etag", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("last_modified", UtcDateTime, nullable=False),
    comment="What one batch's listing saw; emptied when the batch is planned",
)

source = sa.Table(
    "source",
    metadata,
    _id(),
    sa.Column("bucket", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("etag", sa.Text, nullable=False, comment="one row per content: a changed object is another source"),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("last_modified", UtcDateTime, nullable=False, comment="by OSS's own clock"),
    sa.Column("first_listed_at", UtcDateTime, nullable=False),
    sa.Column("probe", sa.JSON, comment="what probing the source found; null before"),
    sa.UniqueConstraint("bucket", "key", "etag"),
)

conversion = sa.Table(
    "conversion",
    metadata,
    _id(),
    sa.Column("source_id", sa.ForeignKey("source.id"), nullable=False, index=True),
    sa.Column("bucket", sa.Text, nullable=False, comment="of the source"),
    sa.Column("key", sa.Text, nullable=False, comment="of the source"),
    sa.Column("profile", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, comment="of the profile's parameters and target template"),
    sa.Column("process", sa.Text, nullable=False, comment="audio/convert,… as it is submitted"),
    sa.Column("target_bucket", sa.Text, nullable=False),
    sa.Column("target_key", sa.Text, nullable=False),
    sa.Column("publish", sa.Text, nullable=False, comment="staged: verified, then copied; direct: written in place"),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("newest", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, comment="grows only after a proven failure"),
    sa.Column("max_attempts", sa.Integer, nullable=False),
    sa.Column("retry_at", UtcDateTime, comment="a failed conversion is planned again only after this"),
    sa.Column(
        "claimed_at", UtcDateTime, comment="when it was claimed for its last submit: the task of that is not older"
    ),
    sa.Column("token", sa.Text, comment="of the claim that may write this row while it is submitted"),
    sa.Column("lease_until", UtcDateTime, comment="end of that claim; then the submit is reconciled"),
    sa.Column("output_bucket", sa.Text, comment="where this attempt writes"),
    sa.Column("output_key", sa.Text, comment="a key of this attempt alone (staged), or the target key (direct)"),
    sa.Column("task_id", sa.Text, index=True),
    sa.Column("submitted_at", UtcDateTime),
    sa.Column("deadline_at", UtcDateTime, comment="absolute; later than this the conversion has failed"),
    sa.Column("output_etag", sa.Text),
    sa.Column("output_size", sa.BigInteger),
    sa.Column("measured", sa.JSON, comment="what probing the output found"),
    sa.Column("checks", sa.JSON, comment="list of {name, expected, measured, passed}"),
    sa.Column("code", sa.Text, comment="of the failure, the service's own where it gave one"),
    sa.Column("message", sa.Text, comment="the reason, in words"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("bucket", "key", "profile", "target_bucket", "generation"),
)
# A rendition is known by its source, profile and bucket: one profile may go to two buckets, and neither is the other.
sa.Index(
    "uq_conversion_newest",
    conversion.c.bucket,
    conversion.c.key,
    conversion.c.profile,
    conversion.c.target_bucket,
    unique=True,
    sqlite_where=conversion.c.newest,
    postgresql_where=conversion.c.newest,
)
# A final key has one owner: two sources whose templates meet can't both be planned. What is skipped owns nothing.
sa.Index(
    "uq_conversion_target",
    conversion.c.target_bucket,
    conversion.c.target_key,
    unique=True,
    sqlite_where=sa.text("newest AND state <> 'skipped'"),
    postgresql_where=sa.text("newest AND state <> 'skipped'"),
)

# Which objects are renditions of ours, whatever became of them: asked for every listed key.
sa.Index("ix_conversion_target", conversion.c.target_bucket, conversion.c.target_key)

batch_conversion = sa.Table(
    "batch_conversion",
    metadata,
    sa.Column("batch_id", sa.ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("conversion_id", sa.ForeignKey("conversion.id"), primary_key=True),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("decision", sa.Text, nullable=False, comment="why the batch wants it: new, changed, joined, …"),
    comment="Which batches want a conversion; a second one joins the first",
)
sa.Index("ix_batch_conversion_shard", batch_conversion.c.batch_id, batch_conversion.c.shard)
sa.Index("ix_batch_conversion_conversion", batch_conversion.c.conversion_id)

notification = sa.Table(
    "notification",
    metadata,
    _id(),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("task_id", sa.Text, comment="null when the message could not be decoded"),
    sa.Column("status", sa.Text, comment="Succeeded, Failed, …"),
    sa.Column("code", sa.Text),
    sa.Column("message", sa.Text),
    sa.Column("body", sa.LargeBinary, comment="raw bytes, kept only if undecodable"),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("task_id", "status"),
    comment="The inbox: every message of the queue, once per task and status; a hint, never the truth",
)
sa.Index(
    "uq_notification_undecodable",
    notification.c.queue,
    notification.c.message_id,
    unique=True,
    sqlite_where=notification.c.task_id.is_(None),
    postgresql_where=notification.c.task_id.is_(None),
)

rendition = sa.Table(
    "rendition",
    metadata,
    _id(),
    sa.Column("bucket", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("conversion_id", sa.ForeignKey("conversion.id"), nullable=False, unique=True),
    sa.Column("source_id", sa.ForeignKey("source.id"), nullable=False, index=True),
    sa.Column("profile", sa.Text, nullable=False),
    sa.Column("codec", sa.Text, nullable=False),
    sa.Column("sample_rate", sa.Integer, nullable=False),
    sa.Column("channels", sa.Integer, nullable=False),
    sa.Column("duration", sa.Float, nullable=False),
    sa.Column("bitrate", sa.Integer),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("etag", sa.Text, nullable=False),
    sa.Column("published_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("bucket", "key"),
    comment="Verified renditions that stand at their final keys",
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("until", UtcDateTime, nullable=False),
    comment="Named roles that one process holds at a time, such as draining a queue",
)
