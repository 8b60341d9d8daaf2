"""The catalogue's tables. Migrations create them; everything else reads and writes through them.

Times are UTC. Durations are seconds, sizes bytes, sample rates Hz, bit rates bit/s. Every column says in its comment
what it holds and in which unit; `docs/catalogue.md` is those comments. Views are in `views`.
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


ObjectKey = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""An object's key, in the order of its UTF-8 bytes: OSS's own order, and the one in which a prefix is a range. SQLite
compares so anyway, PostgreSQL only under this collation."""


def _id(comment: str) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("id", kind, primary_key=True, autoincrement=True, comment=comment)


batch = sa.Table(
    "batch",
    metadata,
    _id("key; what XCom carries"),
    sa.Column("name", sa.Text, nullable=False, unique=True, comment="dag_id/run_id: a cleared run finds its batch"),
    sa.Column("uid", sa.Text, nullable=False, comment="random part of the staging keys: never met twice"),
    sa.Column("params", sa.JSON, nullable=False, comment="what the run was asked for"),
    sa.Column("listed", sa.Integer, nullable=False, default=0, comment="objects the selection matched"),
    sa.Column("passed_over", sa.JSON, nullable=False, comment="objects left out while listing, by reason"),
    sa.Column("decisions", sa.JSON, nullable=False, comment="what planning decided, counted by decision"),
    sa.Column("dry_run", sa.Boolean, nullable=False, default=False, comment="planned only to be looked at"),
    sa.Column("created_at", UtcDateTime, nullable=False, comment="UTC; when the run opened it"),
    sa.Column("planned_at", UtcDateTime, comment="UTC; null before; from then on the batch keeps its plan"),
    sa.Column("reported_at", UtcDateTime, comment="UTC; null before"),
    comment="One for every run of a DAG",
)

listing = sa.Table(
    "listing",
    metadata,
    sa.Column(
        "batch_id", sa.ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True, comment="whose listing saw it"
    ),
    sa.Column("bucket", sa.Text, primary_key=True, comment="of the object"),
    sa.Column("key", ObjectKey, primary_key=True, comment="of the object"),
    sa.Column("etag", sa.Text, nullable=False, comment="without its quotes"),
    sa.Column("size", sa.BigInteger, nullable=False, comment="bytes"),
    sa.Column("last_modified", UtcDateTime, nullable=False, comment="UTC, by OSS's own clock"),
    comment="What one batch's listing saw; emptied when the batch is planned",
)

source = sa.Table(
    "source",
    metadata,
    _id("key"),
    sa.Column("bucket", sa.Text, nullable=False, comment="of the object"),
    sa.Column("key", ObjectKey, nullable=False, comment="of the object"),
    sa.Column("etag", sa.Text, nullable=False, comment="one row per content: a changed object is another source"),
    sa.Column("size", sa.BigInteger, nullable=False, comment="bytes"),
    sa.Column("last_modified", UtcDateTime, nullable=False, comment="by OSS's own clock"),
    sa.Column("first_listed_at", UtcDateTime, nullable=False, comment="UTC; when a listing first saw this content"),
    sa.Column("probe", sa.JSON, comment="what probing the source found; null before"),
    sa.Column("inspection", sa.JSON, comment="what decoding all of it found; null: it was not decoded"),
    sa.Column(
        "crc64", sa.Text, comment="CRC-64/XZ of the bytes in decimal, as x-oss-hash-crc64ecma has it; null: unknown"
    ),
    sa.Column("codec", sa.Text, comment="FFmpeg's name; null before it is probed, as for what follows"),
    sa.Column("sample_rate", sa.Integer, comment="Hz"),
    sa.Column("channels", sa.Integer, comment="count"),
    sa.Column("duration", sa.Float, comment="seconds"),
    sa.Column("title", sa.Text, comment="of the file's own tags, as artist and album; null: the file has none"),
    sa.Column("artist", sa.Text, comment="of the file's own tags"),
    sa.Column("album", sa.Text, comment="of the file's own tags"),
    sa.Column("tags", sa.JSON, comment="the file's other tags, {name in lower case: text}"),
    sa.UniqueConstraint("bucket", "key", "etag"),
    comment="One for every content that was ever seen at a key",
)

conversion = sa.Table(
    "conversion",
    metadata,
    _id("key; part of the staging key"),
    sa.Column("source_id", sa.ForeignKey("source.id"), nullable=False, index=True, comment="the content it reads"),
    sa.Column("bucket", sa.Text, nullable=False, comment="of the source"),
    sa.Column("key", ObjectKey, nullable=False, comment="of the source"),
    sa.Column("profile", sa.Text, nullable=False, comment="name of the rendition"),
    sa.Column("digest", sa.Text, nullable=False, comment="of the profile's parameters and target template"),
    sa.Column("process", sa.Text, nullable=False, comment="audio/convert,… as it is submitted"),
    sa.Column("target_bucket", sa.Text, nullable=False, comment="where the rendition ends up"),
    sa.Column("target_key", ObjectKey, nullable=False, comment="where the rendition ends up; empty: impossible"),
    sa.Column("publish", sa.Text, nullable=False, comment="staged: verified, then copied; direct: written in place"),
    sa.Column("generation", sa.Integer, nullable=False, comment="1, 2, … of this source, profile and target bucket"),
    sa.Column("newest", sa.Boolean, nullable=False, comment="whether no later generation is planned"),
    sa.Column("state", sa.Text, nullable=False, comment="planned, submitting, submitted, converted, …: see states.py"),
    sa.Column("attempt", sa.Integer, nullable=False, comment="grows only after a proven failure"),
    sa.Column("max_attempts", sa.Integer, nullable=False, comment="after so many failures it is dead"),
    sa.Column("retry_at", UtcDateTime, comment="a failed conversion is planned again only after this"),
    sa.Column(
        "claimed_at", UtcDateTime, comment="when it was claimed for its last submit: the task of that is not older"
    ),
    sa.Column("token", sa.Text, comment="of the claim that may write this row while it is submitted"),
    sa.Column("lease_until", UtcDateTime, comment="end of that claim; then the submit is reconciled"),
    sa.Column("endpoint", sa.Text, comment="the service that this attempt was submitted to; null: none yet"),
    sa.Column("output_bucket", sa.Text, comment="where this attempt writes"),
    sa.Column("output_key", ObjectKey, comment="a key of this attempt alone (staged), or the target key (direct)"),
    sa.Column("task_id", sa.Text, index=True, comment="IMM's name of the task; null before it is submitted"),
    sa.Column("submitted_at", UtcDateTime, comment="UTC; when the service accepted this attempt"),
    sa.Column("deadline_at", UtcDateTime, comment="absolute; later than this the conversion has failed"),
    sa.Column("output_etag", sa.Text, comment="of the bytes that were verified"),
    sa.Column("output_size", sa.BigInteger, comment="bytes that were verified"),
    sa.Column("measured", sa.JSON, comment="what probing the output found"),
    sa.Column("code", sa.Text, comment="of the failure, the service's own where it gave one"),
    sa.Column("message", sa.Text, comment="the reason, in words"),
    sa.Column("created_at", UtcDateTime, nullable=False, comment="UTC; when it was planned"),
    sa.Column("changed_at", UtcDateTime, nullable=False, comment="UTC; when its state last changed"),
    sa.UniqueConstraint("bucket", "key", "profile", "target_bucket", "generation"),
    comment="One generation of a source as one rendition: what is asked for, and where it stands",
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
IS_IN_FLIGHT: sa.ColumnElement[Any] = sa.literal_column("(conversion.state IN ('submitting', 'submitted'))")
"""Conditions of the two partial indexes below, for statements that are to use them: SQLite doesn't see through
parameters, nor through a comparison with true, which SQLAlchemy adds to what it knows to be a boolean."""

HAS_FAILED: sa.ColumnElement[Any] = sa.literal_column(
    "(conversion.newest AND conversion.state IN ('failed', 'quarantined', 'dead'))"
)
IS_GIVEN_UP = sa.or_(conversion.c.state == "dead", conversion.c.attempt >= conversion.c.max_attempts)
"""Nobody plans it again of himself: its attempts are spent, whether it has been buried yet or not."""

NEXT_TRY = sa.case((~IS_GIVEN_UP, conversion.c.retry_at)).label("retry_at")
"""When it may be planned again, for whoever is told: every failure leaves a time, also the last one."""

# Counted before every claim where the conversions in flight are limited.
sa.Index(
    "ix_conversion_in_flight",
    conversion.c.endpoint,
    conversion.c.state,
    conversion.c.deadline_at,
    sqlite_where=sa.text("state IN ('submitting', 'submitted')"),
    postgresql_where=sa.text("state IN ('submitting', 'submitted')"),
)
# Which objects are renditions of ours, whatever became of them: asked for every listed key.
sa.Index("ix_conversion_target", conversion.c.target_bucket, conversion.c.target_key)
# Failures are few among a million rows, and asked for every morning.
sa.Index(
    "ix_conversion_unhappy",
    conversion.c.changed_at,
    sqlite_where=sa.text("newest AND state IN ('failed', 'quarantined', 'dead')"),
    postgresql_where=sa.text("newest AND state IN ('failed', 'quarantined', 'dead')"),
)

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("conversion_id", sa.ForeignKey("conversion.id"), primary_key=True, comment="whose attempt it was"),
    sa.Column("number", sa.Integer, primary_key=True, comment="1, 2, …"),
    sa.Column("state", sa.Text, nullable=False, comment="failed or quarantined"),
    sa.Column("task_id", sa.Text, comment="IMM's name of the task; null: nothing was accepted"),
    sa.Column("output_bucket", sa.Text, comment="where it wrote"),
    sa.Column("output_key", ObjectKey, comment="where it wrote; null: nothing stands there any more"),
    sa.Column("submitted_at", UtcDateTime, comment="UTC; when the service accepted it"),
    sa.Column("ended_at", UtcDateTime, nullable=False, comment="UTC; when it was known to have failed"),
    sa.Column("code", sa.Text, comment="of the failure, the service's own where it gave one"),
    sa.Column("message", sa.Text, comment="the reason, in words"),
    sa.Column("measured", sa.JSON, comment="what probing the output found; null: it was not probed"),
    comment="Attempts that failed and were followed by another one; the current one is in conversion",
)
sa.Index("ix_attempt_ended_at", attempt.c.ended_at)
# Whose a message is may only be known from here.
sa.Index("ix_attempt_task_id", attempt.c.task_id)

check_result = sa.Table(
    "check_result",
    metadata,
    sa.Column("conversion_id", sa.ForeignKey("conversion.id"), primary_key=True, comment="whose output was checked"),
    sa.Column("attempt", sa.Integer, primary_key=True, comment="which of its attempts"),
    sa.Column("ordinal", sa.Integer, primary_key=True, comment="0, 1, … in the order of checking"),
    sa.Column("name", sa.Text, nullable=False, comment="codec, sample_rate, duration, …: docs/verification.md"),
    sa.Column("expected", sa.Text, nullable=False, comment="in words, with unit and tolerance"),
    sa.Column("measured", sa.Text, nullable=False, comment="in words, with unit"),
    sa.Column("verdict", sa.Text, nullable=False, comment="passed, failed, or what else verification says of it"),
    comment="Every check of every attempt's output",
)

batch_conversion = sa.Table(
    "batch_conversion",
    metadata,
    sa.Column(
        "batch_id", sa.ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True, comment="the batch that wants it"
    ),
    sa.Column("conversion_id", sa.ForeignKey("conversion.id"), primary_key=True, comment="what it wants"),
    sa.Column("ordinal", sa.Integer, nullable=False, comment="0, 1, … in the order of planning"),
    sa.Column("shard", sa.Integer, nullable=False, comment="0, 1, …: which of the batch's mapped tasks handles it"),
    sa.Column("decision", sa.Text, nullable=False, comment="why the batch wants it: new, changed, joined, …"),
    comment="Which batches want a conversion; a second one joins the first",
)
sa.Index("ix_batch_conversion_shard", batch_conversion.c.batch_id, batch_conversion.c.shard)
sa.Index("ix_batch_conversion_conversion", batch_conversion.c.conversion_id)

notification = sa.Table(
    "notification",
    metadata,
    _id("key"),
    sa.Column("queue", sa.Text, nullable=False, comment="where it came from"),
    sa.Column("message_id", sa.Text, nullable=False, comment="SMQ's"),
    sa.Column("task_id", sa.Text, comment="null when the message could not be decoded"),
    sa.Column("status", sa.Text, comment="Succeeded, Failed, …"),
    sa.Column("code", sa.Text, comment="of a failure, the service's own"),
    sa.Column("message", sa.Text, comment="the service's reason, or why the message could not be decoded"),
    sa.Column("body", sa.LargeBinary, comment="raw bytes, kept only if undecodable"),
    sa.Column("received_at", UtcDateTime, nullable=False, comment="UTC"),
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
sa.Index("ix_notification_received_at", notification.c.received_at)

rendition = sa.Table(
    "rendition",
    metadata,
    _id("key"),
    sa.Column("bucket", sa.Text, nullable=False, comment="of the object"),
    sa.Column("key", ObjectKey, nullable=False, comment="of the object"),
    sa.Column("conversion_id", sa.ForeignKey("conversion.id"), nullable=False, unique=True, comment="which made it"),
    sa.Column(
        "source_id", sa.ForeignKey("source.id"), nullable=False, index=True, comment="the content it was made of"
    ),
    sa.Column("profile", sa.Text, nullable=False, comment="as the conversion's"),
    sa.Column("codec", sa.Text, nullable=False, comment="FFmpeg's name"),
    sa.Column("sample_rate", sa.Integer, nullable=False, comment="Hz; of opus that of the encoder's input"),
    sa.Column("channels", sa.Integer, nullable=False, comment="count"),
    sa.Column("duration", sa.Float, nullable=False, comment="seconds"),
    sa.Column("bitrate", sa.Integer, comment="bit/s of the audio itself, without the container"),
    sa.Column("size", sa.BigInteger, nullable=False, comment="bytes"),
    sa.Column("etag", sa.Text, nullable=False, comment="of the object at its final key"),
    sa.Column("published_at", UtcDateTime, nullable=False, comment="UTC"),
    # Repeated from the conversion, so that every page of the published view is a range of one table's index.
    sa.Column("source_bucket", sa.Text, nullable=False, server_default="", comment="of the source"),
    sa.Column("source_key", ObjectKey, nullable=False, server_default="", comment="of the source"),
    sa.Column("container", sa.Text, comment="FFmpeg's name of the demuxer; null: not recorded, as for what follows"),
    sa.Column("content_type", sa.Text, comment="of the object"),
    sa.Column("bits_per_sample", sa.Integer, comment="bits; of flac only"),
    sa.Column("samples", sa.BigInteger, comment="decoded samples per channel; null: it was not decoded whole"),
    sa.Column(
        "duration_exact",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="true: from counted samples; false: from packets or headers",
    ),
    sa.Column("verification", sa.Text, comment="how it was verified: probe, decode or sample"),
    sa.Column("loudness_lufs", sa.Float, comment="LUFS, EBU R128 integrated; null: not measured, or silence"),
    sa.Column("loudness_range_lu", sa.Float, comment="LU, EBU Tech 3342"),
    sa.Column("true_peak_dbtp", sa.Float, comment="dBTP, ITU-R BS.1770, the loudest channel"),
    sa.Column("sample_peak_dbfs", sa.Float, comment="dBFS, the loudest sample of any channel"),
    sa.Column("silence_head", sa.Float, comment="seconds of silence at the start"),
    sa.Column("silence_tail", sa.Float, comment="seconds of silence at the end"),
    sa.Column("crc64", sa.Text, comment="CRC-64/XZ of the bytes in decimal, as x-oss-hash-crc64ecma has it"),
    sa.Column("tags", sa.JSON, comment="object tags that were set with it, {name: value}"),
    sa.Column("waveform_uri", sa.Text, comment="oss://… of the peaks, when they are written next to the rendition"),
    sa.Column("picture_uri", sa.Text, comment="oss://… of the picture (PNG), when one was asked for"),
    sa.Column("waveform", sa.JSON, comment="the peaks, when they are kept in the catalogue"),
    sa.UniqueConstraint("bucket", "key"),
    comment="Verified renditions that stand at their final keys",
)
# Pages of the published view, of one profile or of all: newest first, or by the source's key.
sa.Index("ix_rendition_profile_published", rendition.c.profile, rendition.c.published_at, rendition.c.id)
sa.Index("ix_rendition_published_at", rendition.c.published_at, rendition.c.id)
sa.Index("ix_rendition_profile_source", rendition.c.profile, rendition.c.source_key, rendition.c.id)
sa.Index("ix_rendition_source_key", rendition.c.source_key, rendition.c.id)

export = sa.Table(
    "export",
    metadata,
    _id("key"),
    sa.Column(
        "batch_id", sa.ForeignKey("batch.id", ondelete="SET NULL"), index=True, comment="whose run; null: of everything"
    ),
    sa.Column("uri", sa.Text, nullable=False, unique=True, comment="where the Parquet file is; a rerun overwrites it"),
    sa.Column("rows", sa.BigInteger, nullable=False, comment="count"),
    sa.Column("size", sa.BigInteger, nullable=False, comment="bytes"),
    sa.Column("exported_at", UtcDateTime, nullable=False, comment="UTC"),
    comment="Parquet files that were written",
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, comment="of the role"),
    sa.Column("owner", sa.Text, nullable=False, comment="random; of the process that holds it"),
    sa.Column("until", UtcDateTime, nullable=False, comment="UTC; then anybody may take it"),
    comment="Named roles that one process holds at a time, such as draining a queue",
)
