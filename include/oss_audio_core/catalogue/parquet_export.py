"""Parquet files of published renditions: one for each run, in a folder a day, readable as one Hive-partitioned table.

    {root}/dt=2026-03-01/run-{batch id}-{batch uid}.parquet

The day is that on which the run was opened (UTC), so a rerun overwrites its own file and no other. Rows are written one
row group at a time: memory doesn't grow with their number.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.batches import get_batch
from oss_audio_core.catalogue.database import Catalogue, now
from oss_audio_core.catalogue.schema import UtcDateTime, batch_conversion, export
from oss_audio_core.catalogue.views import published_rendition as view
from oss_audio_core.extras import require

if TYPE_CHECKING:
    import pyarrow as pa

    from oss_audio_core.oss import OssSettings

ROW_GROUP = 8192
"""Rows of one row group, and of one fetch."""

MULTIPART = 64 * 2**20
"""Size in bytes above which a file is uploaded in parts, and size of a part."""

PART_THREADS = 3
"""Parts that are uploaded at once."""

FOLDER = "catalogue"
"""Default folder of exports, in the bucket of the renditions."""

CONTENT_TYPE = "application/vnd.apache.parquet"

_COLUMNS = tuple(column for column in view.c if column.name not in {"conversion_id", "source_id"})
"""Columns of the file: those of the view, in its order."""


@dataclass(frozen=True)
class Export:
    """One file that was written: its address, the number of its rows, its size in bytes."""

    uri: str
    rows: int
    size: int


def export_batch(catalogue: Catalogue, batch_id: int, folder: str, *, settings: OssSettings | None = None) -> Export:
    """Write the renditions that a run published, as the catalogue has them now. Overwrites the run's own file.

    Args:
        catalogue: the open catalogue.
        batch_id: of the run.
        folder: `oss://bucket/folder` or a local folder; the file is below `dt=YYYY-MM-DD/` in it.
        settings: of OSS, needed for `oss://`.

    Raises:
        NoSuchBatch: the catalogue has no batch of that id.
        MissingExtra: pyarrow is not installed.
        oss2.exceptions.OssError: the upload failed; the catalogue has no record of the export.
        requests.RequestException: the connection broke during the upload; the same.
    """
    with catalogue.read() as connection:
        batch = get_batch(connection, batch_id)
    name = f"dt={batch.created_at:%Y-%m-%d}/run-{batch.id}-{batch.uid}.parquet"
    mine = sa.select(batch_conversion.c.conversion_id).where(batch_conversion.c.batch_id == batch_id)
    return _export(catalogue, f"{folder.rstrip('/')}/{name}", settings, batch_id, view.c.conversion_id.in_(mine))


def export_all(catalogue: Catalogue, folder: str, *, settings: OssSettings | None = None) -> Export:
    """Write all published renditions as `dt=<today>/everything.parquet`. Give it a folder of its own."""
    name = f"dt={now():%Y-%m-%d}/everything.parquet"
    return _export(catalogue, f"{folder.rstrip('/')}/{name}", settings, None, sa.true())


def _export(
    catalogue: Catalogue,
    uri: str,
    settings: OssSettings | None,
    batch_id: int | None,
    condition: sa.ColumnElement[bool],
) -> Export:
    require("parquet")
    with tempfile.TemporaryDirectory(prefix="export-") as scratch:
        file = Path(scratch) / "export.parquet"
        rows = write_parquet(catalogue, file, condition)
        written = Export(uri, rows, file.stat().st_size)
        _put(file, uri, settings)
    with catalogue.write() as connection:
        _record(connection, batch_id, written)
    return written


def write_parquet(catalogue: Catalogue, file: Path, condition: sa.ColumnElement[bool]) -> int:
    """Write the published renditions that meet a condition into a local file. Returns their number."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = parquet_schema()
    count = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer, catalogue.read() as connection:
        for rows in _fetched(connection, condition):
            columns = zip(*rows, strict=True)
            arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(rows)
    return count


def parquet_schema() -> pa.Schema:
    """The file's columns: those of `published_rendition`, each with its comment; times are UTC microseconds."""
    import pyarrow as pa

    types = {
        sa.BigInteger: pa.int64(),
        sa.Integer: pa.int32(),
        sa.Float: pa.float64(),
        sa.Boolean: pa.bool_(),
        sa.JSON: pa.string(),
        UtcDateTime: pa.timestamp("us", tz="UTC"),
    }
    return pa.schema(
        [
            pa.field(
                column.name,
                types.get(type(column.type), pa.string()),
                metadata={"comment": column.comment or ""},
            )
            for column in _COLUMNS
        ]
    )


def _fetched(connection: Connection, condition: sa.ColumnElement[bool]) -> Iterator[Sequence[Sequence[Any]]]:
    # JSON is written as text: engines differ in how they read maps.
    columns = [
        sa.func.nullif(sa.cast(column, sa.Text), "null") if isinstance(column.type, sa.JSON) else column
        for column in _COLUMNS
    ]
    statement = sa.select(*columns).where(condition).order_by(view.c.id)
    # On PostgreSQL only a server-side cursor keeps the rows on the server.
    options = {"stream_results": True, "max_row_buffer": ROW_GROUP}
    yield from connection.execute(statement, execution_options=options).partitions(ROW_GROUP)


def _put(file: Path, uri: str, settings: OssSettings | None) -> None:
    if not uri.startswith("oss://"):
        target = Path(uri)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        part.write_bytes(file.read_bytes())
        part.replace(target)
        return
    if settings is None:
        raise ValueError(f"{uri}: settings of OSS are needed to write there")
    from oss_audio_core.oss.retry import with_retries
    from oss_audio_core.oss.sdk import load_oss2

    oss2 = load_oss2()
    bucket, _, key = uri.removeprefix("oss://").partition("/")
    client = settings.bucket(bucket)
    # A repeated call continues with the parts that the store doesn't list yet.
    with_retries(
        lambda: oss2.resumable_upload(
            client,
            key,
            str(file),
            store=oss2.ResumableStore(root=str(file.parent)),
            headers={"Content-Type": CONTENT_TYPE},
            multipart_threshold=MULTIPART,
            part_size=MULTIPART,
            num_threads=PART_THREADS,
        )
    )


def _record(connection: Connection, batch_id: int | None, written: Export) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {"batch_id": batch_id, "rows": written.rows, "size": written.size, "exported_at": now()}
    statement = insert(export).values(uri=written.uri, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=[export.c.uri], set_=values))
