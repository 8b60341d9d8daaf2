"""Exports are read by a stranger (DuckDB) as one partitioned table; a rerun overwrites its own file and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, parquet_export
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.errors import NoSuchBatch
from oss_audio_core.catalogue.parquet_export import export_all, export_batch
from oss_audio_core.catalogue.schema import export
from oss_audio_core.oss import OssSettings

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library
    from tools.cloud_process import CloudProcess

MEASURED = {
    "duration_exact": True,
    "samples": 66150,
    "loudness_lufs": -14.2,
    "tags": {"profile": "mobile-mp3", "verified": "true"},
}


def nights(library: Library, count: int, each: int = 2) -> list[int]:
    """So many batches, one a night, of so many renditions each."""
    found = []
    for night in range(count):
        at = datetime(2026, 3, 1, 23, 59, tzinfo=UTC) + timedelta(days=night)
        described = {"title": f"歌 {night}"}
        rows = [
            library.add(f"n{night}/{number}.wav", at=at, described=described, measured=MEASURED)
            for number in range(each)
        ]
        found.append(library.batch(f"nightly/{night}", rows, at=at))
    return found


def ask(folder: Path, question: str) -> list[tuple[Any, ...]]:
    files = f"read_parquet('{folder}/*/*.parquet', hive_partitioning = true)"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(question.format(files=files)).fetchall()


def test_several_nights_are_one_partitioned_table(catalogue: Catalogue, library: Library, tmp_path: Path) -> None:
    for batch_id in nights(library, 3):
        assert export_batch(catalogue, batch_id, str(tmp_path)).rows == 2
    assert [path.name for path in sorted(tmp_path.glob("dt=*"))] == ["dt=2026-03-01", "dt=2026-03-02", "dt=2026-03-03"]
    by_day = ask(tmp_path, "SELECT CAST(dt AS VARCHAR), count(*), min(title) FROM {files} GROUP BY dt ORDER BY dt")
    assert by_day == [("2026-03-01", 2, "歌 0"), ("2026-03-02", 2, "歌 1"), ("2026-03-03", 2, "歌 2")]
    question = "SELECT published_at, saved_bytes, duration_exact, samples, loudness_lufs, tags FROM {files} LIMIT 1"
    ((published_at, saved, exact, samples, loudness, tags),) = ask(tmp_path, question + " OFFSET 0")
    assert (published_at.utcoffset(), published_at.hour, published_at.minute) == (timedelta(0), 23, 59)
    assert (saved, exact, samples, loudness) == (900, True, 66150, -14.2)
    assert ask(tmp_path, "SELECT DISTINCT json_extract_string(tags, '$.profile') FROM {files}") == [("mobile-mp3",)]
    assert tags.startswith("{")


def test_columns_are_typed_commented_and_compressed(catalogue: Catalogue, library: Library, tmp_path: Path) -> None:
    (batch_id,) = nights(library, 1)
    written = export_batch(catalogue, batch_id, str(tmp_path))
    file = pq.ParquetFile(written.uri)
    schema = file.schema_arrow
    assert schema.field("published_at").type == pa.timestamp("us", tz="UTC")
    assert schema.field("size").type == pa.int64()
    assert schema.field("loudness_lufs").type == pa.float64()
    assert schema.field("duration_exact").type == pa.bool_()
    assert b"LUFS" in schema.field("loudness_lufs").metadata[b"comment"]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    file.close()
    (row,) = pq.read_table(written.uri).slice(0, 1).to_pylist()
    assert row["source_key"] == "n0/0.wav"
    assert row["picture_uri"] is None


def test_a_rerun_overwrites_its_own_file(catalogue: Catalogue, library: Library, tmp_path: Path) -> None:
    first, second = nights(library, 2)
    export_batch(catalogue, second, str(tmp_path))
    before = export_batch(catalogue, first, str(tmp_path))
    with catalogue.write() as connection:
        connection.execute(sa.text("DELETE FROM rendition WHERE source_key = 'n0/0.wav'"))
    after = export_batch(catalogue, first, str(tmp_path))
    assert (before.uri, before.rows, after.rows) == (after.uri, 2, 1)
    assert ask(tmp_path, "SELECT count(*) FROM {files}") == [(3,)]
    with catalogue.read() as connection:
        noted = connection.execute(sa.select(export).order_by(export.c.batch_id)).all()
    assert [(one.batch_id, one.rows) for one in noted] == [(first, 1), (second, 2)]
    assert (noted[0].uri, noted[0].size) == (after.uri, after.size)


def test_rows_go_out_a_row_group_at_a_time(
    catalogue: Catalogue, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_export, "ROW_GROUP", 3)
    (batch_id,) = nights(library, 1, each=8)
    written = export_batch(catalogue, batch_id, str(tmp_path))
    with pq.ParquetFile(written.uri) as file:
        sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert sizes == [3, 3, 2]


def test_a_run_that_published_nothing_has_a_file_without_rows(
    catalogue: Catalogue, library: Library, tmp_path: Path
) -> None:
    nights(library, 1)
    written = export_batch(catalogue, library.batch("nightly/empty", []), str(tmp_path))
    assert written.rows == 0
    assert pq.read_table(written.uri).num_rows == 0


def test_everything_is_a_snapshot_of_today(catalogue: Catalogue, library: Library, tmp_path: Path) -> None:
    nights(library, 3)
    before = now()
    written = export_all(catalogue, f"{tmp_path}/")
    assert written.rows == 6
    days = {f"dt={at:%Y-%m-%d}" for at in (before, now())}
    assert Path(written.uri).name == "everything.parquet"
    assert Path(written.uri).parent.name in days


def test_a_batch_that_is_not_there_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(NoSuchBatch):
        export_batch(catalogue, 7, str(tmp_path))
    assert list(tmp_path.glob("dt=*")) == []


@pytest.mark.parametrize("multipart", [False, True])
def test_an_export_goes_to_oss_whole_or_in_parts(
    catalogue: Catalogue,
    library: Library,
    oss: OssSettings,
    local_cloud: CloudProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    multipart: bool,
) -> None:
    if multipart:
        monkeypatch.setattr(parquet_export, "MULTIPART", 100 * 1024)
        monkeypatch.setattr(parquet_export, "ROW_GROUP", 100)
    (batch_id,) = nights(library, 1, each=150)
    if multipart:  # something that no compression makes small
        import secrets

        with catalogue.write() as connection:
            for one in connection.scalars(sa.text("SELECT id FROM source")).all():
                statement = sa.text("UPDATE source SET artist = :noise WHERE id = :id")
                connection.execute(statement, {"noise": secrets.token_hex(2000), "id": one})
    folder = f"oss://{local_cloud.bucket}/exports-{now().timestamp()}/catalogue"
    written = export_batch(catalogue, batch_id, folder, settings=oss)
    assert (written.size > 200 * 1024) is multipart
    assert written.uri == f"{folder}/dt=2026-03-01/run-{batch_id}-abcd1234.parquet"
    bucket = oss.bucket(local_cloud.bucket)
    key = written.uri.removeprefix(f"oss://{local_cloud.bucket}/")
    assert bucket.head_object(key).headers["Content-Type"] == "application/vnd.apache.parquet"
    target = tmp_path / "dt=2026-03-01" / "there.parquet"
    target.parent.mkdir()
    bucket.get_object_to_file(key, str(target))
    assert ask(tmp_path, "SELECT count(*), count(DISTINCT source_key) FROM {files}") == [(150, 150)]


def test_the_command_exports_the_last_run(
    library: Library, run_command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    nights(library, 2)
    status, out, _ = run_command("export", str(tmp_path))
    assert status == 0
    assert "dt=2026-03-02" in out
    assert run_command("export", str(tmp_path), "--run", "nightly/0")[0] == 0
    assert ask(tmp_path, "SELECT count(*) FROM {files}") == [(4,)]
    status, _, complaint = run_command("export", str(tmp_path), "--run", "nightly/7")
    assert (status, complaint) == (1, "error: the catalogue has no run 'nightly/7'\n")
