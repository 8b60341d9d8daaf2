"""What verification measures, what sources say of themselves, the history of attempts, exports; and the views.

The checks move from a JSON column into a table of their own. Going back to 0001 keeps those of the current attempts and
loses what 0001 has no place for: history, exports, measures.

SQLite rebuilds a table to change a column, which the views over it forbid: a later revision that needs that drops the
views first and makes them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from oss_audio_core.catalogue.migrations.comments_0002 import COMMENTS
from oss_audio_core.catalogue.migrations.views_0002 import VIEWS

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

KEY_COLUMNS = (
    ("listing", "key"),
    ("source", "key"),
    ("conversion", "key"),
    ("conversion", "target_key"),
    ("conversion", "output_key"),
    ("rendition", "key"),
)
"""Keys compare byte by byte, as OSS lists them: then a prefix is a range of an index."""


def _source_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column(
            "crc64",
            sa.Text(),
            comment="CRC-64/XZ of the bytes in decimal, as x-oss-hash-crc64ecma has it; null: unknown",
        ),
        sa.Column("codec", sa.Text(), comment="FFmpeg's name; null before it is probed, as for what follows"),
        sa.Column("sample_rate", sa.Integer(), comment="Hz"),
        sa.Column("channels", sa.Integer(), comment="count"),
        sa.Column("duration", sa.Float(), comment="seconds"),
        sa.Column("title", sa.Text(), comment="of the file's own tags, as artist and album; null: the file has none"),
        sa.Column("artist", sa.Text(), comment="of the file's own tags"),
        sa.Column("album", sa.Text(), comment="of the file's own tags"),
        sa.Column("tags", sa.JSON(), comment="the file's other tags, {name in lower case: text}"),
    ]


def _rendition_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("source_bucket", sa.Text(), nullable=False, server_default="", comment="of the source"),
        sa.Column("source_key", KEY, nullable=False, server_default="", comment="of the source"),
        sa.Column(
            "container", sa.Text(), comment="FFmpeg's name of the demuxer; null: not recorded, as for what follows"
        ),
        sa.Column("content_type", sa.Text(), comment="of the object"),
        sa.Column("bits_per_sample", sa.Integer(), comment="bits; of flac only"),
        sa.Column("samples", sa.BigInteger(), comment="decoded samples per channel; null: it was not decoded whole"),
        sa.Column(
            "duration_exact",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="true: from counted samples; false: from packets or headers",
        ),
        sa.Column("verification", sa.Text(), comment="how it was verified: probe, decode or sample"),
        sa.Column("loudness_lufs", sa.Float(), comment="LUFS, EBU R128 integrated; null: not measured, or silence"),
        sa.Column("loudness_range_lu", sa.Float(), comment="LU, EBU Tech 3342"),
        sa.Column("true_peak_dbtp", sa.Float(), comment="dBTP, ITU-R BS.1770, the loudest channel"),
        sa.Column("sample_peak_dbfs", sa.Float(), comment="dBFS, the loudest sample of any channel"),
        sa.Column("silence_head", sa.Float(), comment="seconds of silence at the start"),
        sa.Column("silence_tail", sa.Float(), comment="seconds of silence at the end"),
        sa.Column("crc64", sa.Text(), comment="CRC-64/XZ of the bytes in decimal, as x-oss-hash-crc64ecma has it"),
        sa.Column("tags", sa.JSON(), comment="object tags that were set with it, {name: value}"),
        sa.Column(
            "waveform_uri", sa.Text(), comment="oss://… of the peaks, when they are written next to the rendition"
        ),
        sa.Column("picture_uri", sa.Text(), comment="oss://… of the picture (PNG), when one was asked for"),
        sa.Column("waveform", sa.JSON(), comment="the peaks, when they are kept in the catalogue"),
    ]


MOVE_UP = {
    "sqlite": (
        """
        INSERT INTO check_result (conversion_id, attempt, ordinal, name, expected, measured, verdict)
        SELECT conversion.id, conversion.attempt, one.key, one.value ->> 'name', one.value ->> 'expected',
               one.value ->> 'measured', CASE WHEN one.value ->> 'passed' THEN 'passed' ELSE 'failed' END
        FROM conversion, json_each(conversion.checks) AS one
        WHERE json_type(conversion.checks) = 'array'
        """,
        """
        UPDATE source SET codec = probe ->> 'codec', sample_rate = probe ->> 'sample_rate',
                          channels = probe ->> 'channels', duration = probe ->> 'duration'
        WHERE json_type(probe) = 'object'
        """,
        """
        UPDATE rendition SET source_bucket = conversion.bucket, source_key = conversion.key,
                             container = measured ->> 'container', bits_per_sample = measured ->> 'bits_per_sample'
        FROM conversion
        WHERE conversion.id = rendition.conversion_id
        """,
    ),
    "postgresql": (
        """
        INSERT INTO check_result (conversion_id, attempt, ordinal, name, expected, measured, verdict)
        SELECT conversion.id, conversion.attempt, one.ordinal - 1, one.value ->> 'name', one.value ->> 'expected',
               one.value ->> 'measured', CASE WHEN (one.value ->> 'passed') = 'true' THEN 'passed' ELSE 'failed' END
        FROM conversion
        CROSS JOIN json_array_elements(CASE WHEN json_typeof(checks) = 'array' THEN checks END)
            WITH ORDINALITY AS one (value, ordinal)
        """,
        """
        UPDATE source SET codec = probe ->> 'codec', sample_rate = CAST(probe ->> 'sample_rate' AS integer),
                          channels = CAST(probe ->> 'channels' AS integer),
                          duration = CAST(probe ->> 'duration' AS double precision)
        WHERE json_typeof(probe) = 'object'
        """,
        """
        UPDATE rendition SET source_bucket = conversion.bucket, source_key = conversion.key,
                             container = measured ->> 'container',
                             bits_per_sample = CAST(measured ->> 'bits_per_sample' AS integer)
        FROM conversion
        WHERE conversion.id = rendition.conversion_id
        """,
    ),
}
"""The checks leave their JSON; what was probed is also told in columns."""

MOVE_DOWN = {
    "sqlite": """
        UPDATE conversion SET checks = (
            SELECT json_group_array(json_object('name', name, 'expected', expected, 'measured', measured,
                                                'passed', json(iif(verdict = 'failed', 'false', 'true'))))
            FROM (SELECT * FROM check_result
                  WHERE conversion_id = conversion.id AND attempt = conversion.attempt ORDER BY ordinal)
        )
        WHERE EXISTS (SELECT 1 FROM check_result WHERE conversion_id = conversion.id AND attempt = conversion.attempt)
        """,
    "postgresql": """
        UPDATE conversion SET checks = (
            SELECT json_agg(json_build_object('name', name, 'expected', expected, 'measured', measured,
                                              'passed', verdict <> 'failed') ORDER BY ordinal)
            FROM check_result WHERE conversion_id = conversion.id AND attempt = conversion.attempt
        )
        """,
}

FAILED_STATES = sa.text("newest AND state IN ('failed', 'quarantined', 'dead')")


def upgrade() -> None:
    _create_tables()
    for column in _source_columns():
        op.add_column("source", column)
    for column in _rendition_columns():
        op.add_column("rendition", column)
    dialect = op.get_context().dialect.name
    if dialect == "postgresql":
        for table, name in KEY_COLUMNS:
            op.execute(f'ALTER TABLE {table} ALTER COLUMN {name} TYPE text COLLATE "C"')
        _comment(COMMENTS)
    for statement in MOVE_UP[dialect]:
        op.execute(sa.text(statement))
    op.drop_column("conversion", "checks")
    op.create_index(
        "ix_conversion_unhappy",
        "conversion",
        ["changed_at"],
        sqlite_where=FAILED_STATES,
        postgresql_where=FAILED_STATES,
    )
    op.create_index("ix_notification_received_at", "notification", ["received_at"])
    op.create_index("ix_rendition_profile_published", "rendition", ["profile", "published_at", "id"])
    op.create_index("ix_rendition_published_at", "rendition", ["published_at", "id"])
    op.create_index("ix_rendition_profile_source", "rendition", ["profile", "source_key", "id"])
    op.create_index("ix_rendition_source_key", "rendition", ["source_key", "id"])
    for view in VIEWS.values():
        op.execute(view)


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW {name}")
    op.drop_index("ix_rendition_source_key", "rendition")
    op.drop_index("ix_rendition_profile_source", "rendition")
    op.drop_index("ix_rendition_published_at", "rendition")
    op.drop_index("ix_rendition_profile_published", "rendition")
    op.drop_index("ix_notification_received_at", "notification")
    op.drop_index("ix_conversion_unhappy", "conversion")
    op.add_column("conversion", sa.Column("checks", sa.JSON(), comment="list of {name, expected, measured, passed}"))
    dialect = op.get_context().dialect.name
    op.execute(sa.text(MOVE_DOWN[dialect]))
    if dialect == "postgresql":
        _comment({table: dict.fromkeys(columns) for table, columns in COMMENTS.items()})
        for table, name in KEY_COLUMNS:
            op.execute(f'ALTER TABLE {table} ALTER COLUMN {name} TYPE text COLLATE "default"')
    for column in _rendition_columns():
        op.drop_column("rendition", column.name)
    for column in _source_columns():
        op.drop_column("source", column.name)
    for table in ("check_result", "attempt", "export"):
        op.drop_table(table)


def _comment(comments: Mapping[str, Mapping[str, str | None]]) -> None:
    """Comment tables (under the name "") and columns; None takes a comment away."""
    for table, columns in comments.items():
        for name, text in columns.items():
            what = f"COLUMN {table}.{name}" if name else f"TABLE {table}"
            quoted = "NULL" if text is None else "'" + text.replace("'", "''") + "'"
            op.get_bind().exec_driver_sql(f"COMMENT ON {what} IS {quoted}")


def _create_tables() -> None:
    op.create_table(
        "export",
        sa.Column("id", ID, autoincrement=True, nullable=False, comment="key"),
        sa.Column("batch_id", ID, nullable=True, comment="whose run; null: of everything"),
        sa.Column("uri", sa.Text(), nullable=False, comment="where the Parquet file is; a rerun overwrites it"),
        sa.Column("rows", sa.BigInteger(), nullable=False, comment="count"),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="bytes"),
        sa.Column("exported_at", sa.DateTime(timezone=True), nullable=False, comment="UTC"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_export_batch_id_batch"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export")),
        sa.UniqueConstraint("uri", name=op.f("uq_export_uri")),
        comment="Parquet files that were written",
    )
    op.create_index(op.f("ix_export_batch_id"), "export", ["batch_id"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("conversion_id", ID, nullable=False, comment="whose attempt it was"),
        sa.Column("number", sa.Integer(), nullable=False, comment="1, 2, …"),
        sa.Column("state", sa.Text(), nullable=False, comment="failed or quarantined"),
        sa.Column("task_id", sa.Text(), nullable=True, comment="IMM's name of the task; null: nothing was accepted"),
        sa.Column("output_bucket", sa.Text(), nullable=True, comment="where it wrote"),
        sa.Column("output_key", KEY, nullable=True, comment="where it wrote; null: nothing stands there any more"),
        sa.Column(
            "submitted_at", sa.DateTime(timezone=True), nullable=True, comment="UTC; when the service accepted it"
        ),
        sa.Column(
            "ended_at", sa.DateTime(timezone=True), nullable=False, comment="UTC; when it was known to have failed"
        ),
        sa.Column("code", sa.Text(), nullable=True, comment="of the failure, the service's own where it gave one"),
        sa.Column("message", sa.Text(), nullable=True, comment="the reason, in words"),
        sa.Column(
            "measured", sa.JSON(), nullable=True, comment="what probing the output found; null: it was not probed"
        ),
        sa.ForeignKeyConstraint(["conversion_id"], ["conversion.id"], name=op.f("fk_attempt_conversion_id_conversion")),
        sa.PrimaryKeyConstraint("conversion_id", "number", name=op.f("pk_attempt")),
        comment="Attempts that failed and were followed by another one; the current one is in conversion",
    )
    op.create_index("ix_attempt_ended_at", "attempt", ["ended_at"], unique=False)
    op.create_table(
        "check_result",
        sa.Column("conversion_id", ID, nullable=False, comment="whose output was checked"),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="which of its attempts"),
        sa.Column("ordinal", sa.Integer(), nullable=False, comment="0, 1, … in the order of checking"),
        sa.Column("name", sa.Text(), nullable=False, comment="codec, sample_rate, duration, …: docs/verification.md"),
        sa.Column("expected", sa.Text(), nullable=False, comment="in words, with unit and tolerance"),
        sa.Column("measured", sa.Text(), nullable=False, comment="in words, with unit"),
        sa.Column("verdict", sa.Text(), nullable=False, comment="passed, failed, or what else verification says of it"),
        sa.ForeignKeyConstraint(
            ["conversion_id"], ["conversion.id"], name=op.f("fk_check_result_conversion_id_conversion")
        ),
        sa.PrimaryKeyConstraint("conversion_id", "attempt", "ordinal", name=op.f("pk_check_result")),
        comment="Every check of every attempt's output",
    )
