"""The catalogue's tables. Migrations create them.

Only modules of this package write them. Times are UTC, durations seconds, sizes bytes, sample rates Hz, bit rates
bit/s. Every column's comment gives its meaning and unit: `docs/catalogue.md` is generated from the comments, and a
migration writes them into PostgreSQL. Views are in `views`.
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
    """A timezone-aware UTC time on both databases. SQLite stores no zone: it is added when a value is read."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """A time as the database stores it."""
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """A stored time, in UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


ObjectKey = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""An object's key, in the order of its UTF-8 bytes. OSS lists in this order, and a prefix is a range of it. SQLite
compares so by default, PostgreSQL under this collation."""


def _id(comment: str) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("id", kind, primary_key=True, autoincrement=True, comment=comment)


identity = sa.Table(
    "identity",
    metadata,
    sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1", name="one_row"), primary_key=True, comment="always 1"),
    sa.Column(
        "uid",
        sa.Text,
        nullable=False,
        comment="random name of this catalogue, in its staging keys and in the tags of its objects",
    ),
    comment="One row: the catalogue's own name among all that write to a bucket",
)

batch = sa.Table(
    "batch",
    metadata,
    _id("primary key; XCom carries it"),
    sa.Column(
        "name", sa.Text, nullable=False, unique=True, comment="dag_id/run_id; a cleared run finds its batch by it"
    ),
    sa.Column("uid", sa.Text, nullable=False, comment="random part of the staging keys, unique to this batch"),
    sa.Column("params", sa.JSON, nullable=False, comment="the request of the run, as JSON"),
    sa.Column("listed", sa.Integer, nullable=False, default=0, comment="count of objects that the selection matched"),
    sa.Column("passed_over", sa.JSON, nullable=False, comment="counts of objects left out of the listing, by reason"),
    sa.Column("decisions", sa.JSON, nullable=False, comment="counts of planned conversions, by decision"),
    sa.Column(
        "dry_run", sa.Boolean, nullable=False, default=False, comment="true: planned without submitting anything"
    ),
    sa.Column("created_at", UtcDateTime, nullable=False, comment="UTC; when the run opened the batch"),
    sa.Column(
        "planned_at",
        UtcDateTime,
        comment="UTC; when it was planned, after which the plan doesn't change; null: not planned yet",
    ),
    sa.Column("reported_at", UtcDateTime, comment="UTC; when it was reported; null: not reported yet"),
    comment="One row for every run of a DAG",
)

listing = sa.Table(
    "listing",
    metadata,
    sa.Column(
        "batch_id",
        sa.ForeignKey("batch.id", ondelete="CASCADE"),
        primary_key=True,
        comment="the batch that listed the object",
    ),
    sa.Column("bucket", sa.Text, primary_key=True, comment="bucket of the object"),
    sa.Column("key", ObjectKey, primary_key=True, comment="key of the object"),
    sa.Column("etag", sa.Text, nullable=False, comment="of the object, without quotes"),
    sa.Column("size", sa.BigInteger, nullable=False, comment="bytes"),
    sa.Column("last_modified", UtcDateTime, nullable=False, comment="UTC, by the clock of OSS"),
    comment="The objects that a batch listed; its rows are removed when the batch is planned",
)

source = sa.Table(
    "source",
    metadata,
    _id("primary key"),
    sa.Column("bucket", sa.Text, nullable=False, comment="bucket of the object"),
    sa.Column("key", ObjectKey, nullable=False, comment="key of the object"),
    sa.Column("etag", sa.Text, nullable=False, comment="of the content; a changed object is another source"),
    sa.Column("size", sa.BigInteger, nullable=False, comment="bytes"),
    sa.Column("last_modified", UtcDateTime, nullable=False, comment="UTC, by the clock of OSS"),
    sa.Column("first_listed_at", UtcDateTime, nullable=False, comment="UTC; when this content was first listed"),
    sa.Column("probe", sa.JSON, comment="result of probing the source; null: not probed"),
    sa.Column("inspection", sa.JSON, comment="result of decoding the whole source; null: not decoded"),
    sa.Column(
        "crc64", sa.Text, comment="CRC-64/XZ of the bytes in decimal, as x-oss-hash-crc64ecma has it; null: unknown"
    ),
    sa.Column("codec", sa.Text, comment="FFmpeg's name; null, like the columns that follow: not probed"),
    sa.Column("sample_rate", sa.Integer, comment="Hz"),
    sa.Column("channels", sa.Integer, comment="count"),
    sa.Column("duration", sa.Float, comment="seconds"),
    sa.Column(
        "bitrate",
        sa.Integer,
        comment="bit/s of the audio itself, without pictures, video and tags; null: not known",
    ),
    sa.Column("bandwidth", sa.Float, comment="Hz up to which there is sound; null: not decoded, or silence"),
    sa.Column("notes", sa.Text, comment="what is odd about the source, in words; null: nothing"),
    sa.Column("title", sa.Text, comment="from the file's tags, as artist and album are; null: the file has none"),
    sa.Column("artist", sa.Text, comment="from the file's tags"),
    sa.Column("album", sa.Text, comment="from the file's tags"),
    sa.Column("tags", sa.JSON, comment="the file's other tags, {name in lower case: text}"),
    sa.UniqueConstraint("bucket", "key", "etag"),
    comment="One row for every content that was ever listed at a key",
)

conversion = sa.Table(
    "conversion",
    metadata,
    _id("primary key; part of the staging key"),
    sa.Column(
        "source_id", sa.ForeignKey("source.id"), nullable=False, index=True, comment="the content that is converted"
    ),
    sa.Column("bucket", sa.Text, nullable=False, comment="bucket of the source"),
    sa.Column("key", ObjectKey, nullable=False, comment="key of the source"),
    sa.Column(
        "profile",
        sa.Text,
        nullable=False,
        comment="name of the rendition: a profile's, a clip's, or oss://… of a single conversion",
    ),
    sa.Column("digest", sa.Text, nullable=False, comment="digest of the profile's parameters and target template"),
    sa.Column(
        "process",
        sa.Text,
        nullable=False,
        comment="the action that is submitted: audio/convert,…",
    ),
    sa.Column("target_bucket", sa.Text, nullable=False, comment="bucket of the published rendition"),
    sa.Column(
        "target_key",
        ObjectKey,
        nullable=False,
        comment="key of the published rendition; empty: the template gives none",
    ),
    sa.Column(
        "publish",
        sa.Text,
        nullable=False,
        comment="staged: verified at a staging key, then copied; direct: written to the final key",
    ),
    sa.Column("generation", sa.Integer, nullable=False, comment="1, 2, … per source, profile and target bucket"),
    sa.Column("newest", sa.Boolean, nullable=False, comment="true: no later generation is planned"),
    sa.Column(
        "state",
        sa.Text,
        nullable=False,
        comment="planned, submitting, submitted, converted, verified, published, failed, dead, quarantined, "
        "superseded, skipped or cancelled",
    ),
    sa.Column(
        "attempt", sa.Integer, nullable=False, comment="1, 2, …; grows when a failed conversion is planned again"
    ),
    sa.Column(
        "max_attempts", sa.Integer, nullable=False, comment="number of failures after which the conversion is given up"
    ),
    sa.Column("retry_at", UtcDateTime, comment="UTC; a failed conversion isn't planned again before this time"),
    sa.Column(
        "claimed_at",
        UtcDateTime,
        comment="UTC; when it was claimed for its last submit; that submit's task is not older",
    ),
    sa.Column("token", sa.Text, comment="of the claim that holds this row while it is submitted"),
    sa.Column(
        "lease_until", UtcDateTime, comment="UTC; end of the claim; a submit without an answer is reconciled then"
    ),
    sa.Column("endpoint", sa.Text, comment="OSS endpoint that this attempt was submitted to; null: not submitted"),
    sa.Column("output_bucket", sa.Text, comment="bucket that this attempt writes to"),
    sa.Column(
        "output_key",
        ObjectKey,
        comment="staging key of this attempt alone, or the target key (direct); null: the staged object was removed",
    ),
    sa.Column("task_id", sa.Text, index=True, comment="TaskId of IMM; null: not submitted"),
    sa.Column("submitted_at", UtcDateTime, comment="UTC; when IMM accepted this attempt"),
    sa.Column("deadline_at", UtcDateTime, comment="UTC; a conversion that is not finished by then has failed"),
    sa.Column("output_etag", sa.Text, comment="ETag of the bytes that were verified"),
    sa.Column("output_size", sa.BigInteger, comment="size of the bytes that were verified"),
    sa.Column("measured", sa.JSON, comment="result of probing or decoding the output; null: not verified"),
    sa.Column("code", sa.Text, comment="error code of the failure, the service's own where it gave one"),
    sa.Column("message", sa.Text, comment="the reason, as a sentence"),
    sa.Column("created_at", UtcDateTime, nullable=False, comment="UTC; when it was planned"),
    sa.Column("changed_at", UtcDateTime, nullable=False, comment="UTC; when its state last changed"),
    sa.UniqueConstraint("bucket", "key", "profile", "target_bucket", "generation"),
    comment="One row for each generation of a source as one rendition: the request and its state",
)
# A rendition is identified by its source, profile and target bucket: one profile may go to two buckets.
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
# A final key has one owner: of two sources whose templates give the same key, one is planned. A skipped one owns none.
sa.Index(
    "uq_conversion_target",
    conversion.c.target_bucket,
    conversion.c.target_key,
    unique=True,
    sqlite_where=sa.text("newest AND state <> 'skipped'"),
    postgresql_where=sa.text("newest AND state <> 'skipped'"),
)
IS_IN_FLIGHT: sa.ColumnElement[Any] = sa.literal_column("(conversion.state IN ('submitting', 'submitted'))")
"""The condition of `ix_conversion_in_flight`, as a literal: SQLite uses a partial index only where a statement repeats
its condition without parameters and without the comparison with true that SQLAlchemy adds to a boolean."""

HAS_FAILED: sa.ColumnElement[Any] = sa.literal_column(
    "(conversion.newest AND conversion.state IN ('failed', 'quarantined', 'dead'))"
)
"""The condition of `ix_conversion_failed`, likewise."""

IS_GIVEN_UP = sa.or_(conversion.c.state == "dead", conversion.c.attempt >= conversion.c.max_attempts)
"""No later run plans it again: its attempts are spent, whether it is marked dead yet or not."""

NEXT_TRY = sa.case((~IS_GIVEN_UP, conversion.c.retry_at)).label("retry_at")
"""When a failed conversion may be planned again, for display: null for one that is given up, though its last failure
set a time, too."""

# Counted before every claim where the number of conversions in flight is limited.
sa.Index(
    "ix_conversion_in_flight",
    conversion.c.endpoint,
    conversion.c.state,
    conversion.c.deadline_at,
    sqlite_where=sa.text("state IN ('submitting', 'submitted')"),
    postgresql_where=sa.text("state IN ('submitting', 'submitted')"),
)
# Whether a listed object is a rendition of this catalogue, in whatever state: asked for every listed key.
sa.Index("ix_conversion_target", conversion.c.target_bucket, conversion.c.target_key)
# Failures are few among a million rows, and reports read them.
sa.Index(
    "ix_conversion_failed",
    conversion.c.changed_at,
    sqlite_where=sa.text("newest AND state IN ('failed', 'quarantined', 'dead')"),
    postgresql_where=sa.text("newest AND state IN ('failed', 'quarantined', 'dead')"),
)

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column(
        "conversion_id", sa.ForeignKey("conversion.id"), primary_key=True, comment="the conversion of the attempt"
    ),
    sa.Column("number", sa.Integer, primary_key=True, comment="1, 2, …"),
    sa.Column("state", sa.Text, nullable=False, comment="failed, quarantined or dead"),
    sa.Column("task_id", sa.Text, comment="TaskId of IMM; null: no task was accepted"),
    sa.Column("output_bucket", sa.Text, comment="bucket that it wrote to"),
    sa.Column("output_key", ObjectKey, comment="key that it wrote to; null: the staged object was removed"),
    sa.Column("submitted_at", UtcDateTime, comment="UTC; when IMM accepted it"),
    sa.Column("ended_at", UtcDateTime, nullable=False, comment="UTC; when the failure was recorded"),
    sa.Column("code", sa.Text, comment="error code of the failure, the service's own where it gave one"),
    sa.Column("message", sa.Text, comment="the reason, as a sentence"),
    sa.Column("measured", sa.JSON, comment="result of probing or decoding the output; null: not verified"),
    comment="Failed attempts that were followed by another one; the current attempt is in conversion",
)
sa.Index("ix_attempt_ended_at", attempt.c.ended_at)
# A message may be about the task of an earlier attempt.
sa.Index("ix_attempt_task_id", attempt.c.task_id)

check_result = sa.Table(
    "check_result",
    metadata,
    sa.Column(
        "conversion_id",
        sa.ForeignKey("conversion.id"),
        primary_key=True,
        comment="the conversion whose output was checked",
    ),
    sa.Column("attempt", sa.Integer, primary_key=True, comment="the attempt whose output was checked"),
    sa.Column("ordinal", sa.Integer, primary_key=True, comment="0, 1, … in the order of the checks"),
    sa.Column("name", sa.Text, nullable=False, comment="codec, sample_rate, duration, …; see docs/verification.md"),
    sa.Column("expected", sa.Text, nullable=False, comment="the expected value, with unit and tolerance"),
    sa.Column("measured", sa.Text, nullable=False, comment="the measured value, with unit"),
    sa.Column("verdict", sa.Text, nullable=False, comment="passed, failed, or another verdict of verification"),
    comment="The checks of every attempt's output",
)

batch_conversion = sa.Table(
    "batch_conversion",
    metadata,
    sa.Column(
        "batch_id",
        sa.ForeignKey("batch.id", ondelete="CASCADE"),
        primary_key=True,
        comment="the batch that wants the conversion",
    ),
    sa.Column("conversion_id", sa.ForeignKey("conversion.id"), primary_key=True, comment="the conversion"),
    sa.Column("ordinal", sa.Integer, nullable=False, comment="0, 1, … in the order of planning"),
    sa.Column("shard", sa.Integer, nullable=False, comment="0, 1, …; number of the mapped task that handles it"),
    sa.Column("decision", sa.Text, nullable=False, comment="why the batch wants it: new, source changed, joined, …"),
    comment="The conversions of each batch; a second batch joins a conversion that is under way",
)
sa.Index("ix_batch_conversion_shard", batch_conversion.c.batch_id, batch_conversion.c.shard)
sa.Index("ix_batch_conversion_conversion", batch_conversion.c.conversion_id)

notification = sa.Table(
    "notification",
    metadata,
    _id("primary key"),
    sa.Column("queue", sa.Text, nullable=False, comment="queue that the message came from"),
    sa.Column("message_id", sa.Text, nullable=False, comment="MessageId of SMQ"),
    sa.Column("task_id", sa.Text, comment="TaskId of IMM; null: the message can't be decoded"),
    sa.Column("status", sa.Text, comment="of the task: Succeeded, Failed, …"),
    sa.Column("code", sa.Text, comment="error code of a failure, the service's own"),
    sa.Column("message", sa.Text, comment="reason of a failure, or of a message that can't be decoded"),
    sa.Column("body", sa.LargeBinary, comment="raw bytes of a message that can't be decoded; else null"),
    sa.Column("received_at", UtcDateTime, nullable=False, comment="UTC; when the message was stored"),
    sa.UniqueConstraint("task_id", "status"),
    comment="The inbox: every message of the queue, once per task and status",
)
sa.Index(
    "uq_notification_undecodable",
    notification.c.queue,
    notification.c.message_id,
    unique=True,
    sqlite_where=notification.c.task_id.is_(None),
    postgresql_where=notification.c.task_id.is_(None),
)
sa.Index("ix_notification_received_at", notification.c.received_at)

rendition = sa.Table(
    "rendition",
    metadata,
    _id("primary key"),
    sa.Column("bucket", sa.Text, nullable=False, comment="bucket of the object"),
    sa.Column("key", ObjectKey, nullable=False, comment="key of the object"),
    sa.Column(
        "conversion_id",
        sa.ForeignKey("conversion.id"),
        nullable=False,
        unique=True,
        comment="the conversion that made it",
    ),
    sa.Column(
        "source_id", sa.ForeignKey("source.id"), nullable=False, index=True, comment="the content that it was made of"
    ),
    sa.Column("profile", sa.Text, nullable=False, comment="profile of the conversion"),
    sa.Column("codec", sa.Text, nullable=False, comment="FFmpeg's name"),
    sa.Column("sample_rate", sa.Integer, nullable=False, comment="Hz; of opus the rate of the encoder's input"),
    sa.Column("channels", sa.Integer, nullable=False, comment="count"),
    sa.Column("duration", sa.Float, nullable=False, comment="seconds"),
    sa.Column("bitrate", sa.Integer, comment="bit/s of the audio itself, without the container"),
    sa.Column("size", sa.BigInteger, nullable=False, comment="bytes"),
    sa.Column("etag", sa.Text, nullable=False, comment="ETag of the object at its final key"),
    sa.Column("published_at", UtcDateTime, nullable=False, comment="UTC; when it was published"),
    # Repeated from the conversion: then every page of the published view is a range of one table's index.
    sa.Column("source_bucket", sa.Text, nullable=False, server_default="", comment="bucket of the source"),
    sa.Column("source_key", ObjectKey, nullable=False, server_default="", comment="key of the source"),
    sa.Column(
        "container", sa.Text, comment="FFmpeg's name of the demuxer; null, like the columns that follow: not recorded"
    ),
    sa.Column("content_type", sa.Text, comment="content type of the object"),
    sa.Column("bits_per_sample", sa.Integer, comment="bits; flac only"),
    sa.Column("samples", sa.BigInteger, comment="decoded samples per channel; null: not decoded whole"),
    sa.Column(
        "duration_exact",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="true: from counted samples; false: from packets or headers",
    ),
    sa.Column("verification", sa.Text, comment="how it was verified: probe or decode"),
    sa.Column("loudness_lufs", sa.Float, comment="LUFS, EBU R128 integrated; null: not measured, or silence"),
    sa.Column("loudness_range_lu", sa.Float, comment="LU, EBU Tech 3342"),
    sa.Column("true_peak_dbtp", sa.Float, comment="dBTP, ITU-R BS.1770, the loudest channel"),
    sa.Column("sample_peak_dbfs", sa.Float, comment="dBFS, the loudest sample of any channel"),
    sa.Column("silence_head", sa.Float, comment="seconds of silence at the start"),
    sa.Column("silence_tail", sa.Float, comment="seconds of silence at the end"),
    sa.Column("bandwidth", sa.Float, comment="Hz up to which there is sound; null: not decoded, or silence"),
    sa.Column("crc64", sa.Text, comment="CRC-64/XZ of the bytes in decimal, as x-oss-hash-crc64ecma has it"),
    sa.Column("tags", sa.JSON, comment="object tags that were set with the copy, {name: value}"),
    sa.Column("waveform_uri", sa.Text, comment="oss://… of the waveform sidecar; null: there is none"),
    sa.Column("picture_uri", sa.Text, comment="oss://… of the picture sidecar (PNG); null: there is none"),
    sa.Column("waveform", sa.JSON, comment="the waveform's peaks; null: not kept in the catalogue"),
    sa.UniqueConstraint("bucket", "key"),
    comment="Verified renditions at their final keys",
)
# Pages of the published view, of one profile or all: newest first, or by the source's key.
sa.Index("ix_rendition_profile_published", rendition.c.profile, rendition.c.published_at, rendition.c.id)
sa.Index("ix_rendition_published_at", rendition.c.published_at, rendition.c.id)
sa.Index("ix_rendition_profile_source", rendition.c.profile, rendition.c.source_key, rendition.c.id)
sa.Index("ix_rendition_source_key", rendition.c.source_key, rendition.c.id)

part_copy = sa.Table(
    "part_copy",
    metadata,
    sa.Column("upload_id", sa.Text, primary_key=True, comment="UploadId of OSS"),
    sa.Column("bucket", sa.Text, nullable=False, comment="bucket of the upload"),
    sa.Column("key", ObjectKey, nullable=False, comment="final key that the upload would write"),
    sa.Column(
        "conversion_id",
        sa.ForeignKey("conversion.id"),
        nullable=False,
        index=True,
        comment="the conversion that is published by it",
    ),
    sa.Column("begun_at", UtcDateTime, nullable=False, comment="UTC; when it was begun"),
    comment="Copies in parts that are under way or broke off: a row is written before the first part is copied",
)

own_object = sa.Table(
    "own_object",
    metadata,
    sa.Column("bucket", sa.Text, primary_key=True, comment="bucket of the object"),
    sa.Column("key", ObjectKey, primary_key=True, comment="key of the object"),
    sa.Column("etag", sa.Text, primary_key=True, comment="ETag of the object; another one at the key is not meant"),
    sa.Column("reason", sa.Text, nullable=False, comment="written in place, or taken over"),
    sa.Column("recorded_at", UtcDateTime, nullable=False, comment="UTC; when it was recorded"),
    sa.Column(
        "used_at",
        UtcDateTime,
        comment="UTC; when a rendition was published over it, after which the row allows nothing; null: not yet",
    ),
    comment="Objects at final keys that the catalogue may write over, besides the renditions",
)

export = sa.Table(
    "export",
    metadata,
    _id("primary key"),
    sa.Column(
        "batch_id",
        sa.ForeignKey("batch.id", ondelete="SET NULL"),
        index=True,
        comment="the batch whose renditions were exported; null: all renditions",
    ),
    sa.Column(
        "uri", sa.Text, nullable=False, unique=True, comment="address of the Parquet file; a rerun overwrites it"
    ),
    sa.Column("rows", sa.BigInteger, nullable=False, comment="count"),
    sa.Column("size", sa.BigInteger, nullable=False, comment="bytes"),
    sa.Column("exported_at", UtcDateTime, nullable=False, comment="UTC; when the file was written"),
    comment="One row for every Parquet file that was written",
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, comment="name of the role"),
    sa.Column("owner", sa.Text, nullable=False, comment="random id of the process that holds the lease"),
    sa.Column(
        "until", UtcDateTime, nullable=False, comment="UTC; end of the lease, after which another process may take it"
    ),
    comment="Roles that one process holds at a time, such as draining a queue",
)
