"""What a run exports, read back by somebody who knows nothing of this package; and what is never a source."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import oss2
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import batches
from oss_audio_core.catalogue.schema import export
from oss_audio_core.pipeline import run_export
from oss_audio_core.pipeline.reporting import build_report, render
from oss_audio_core.pipeline.run_export import RunExport, export_run, manifest_key
from oss_audio_core.pipeline.selection import Selection

if TYPE_CHECKING:
    from pathlib import Path

    from tests.include.oss_audio_core.pipeline.conftest import Steps
    from tests.include.oss_audio_core.pipeline.proxy import Proxy

Wav = Callable[..., bytes]


def published(steps: Steps, *names: str) -> int:
    batch = steps.to_converted(*names)
    steps.verify(batch)
    steps.publish(batch)
    return batch


def content(steps: Steps, uri: str) -> bytes:
    read: bytes = steps.get(uri.removeprefix(f"oss://{steps.bucket}/")).read()
    return read


def test_two_nights_are_two_files_of_one_table(steps: Steps, wav: Wav, tmp_path: Path) -> None:
    prefix = f"{steps.prefix}catalogue/"
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav(1.0))
        made = export_run(steps.catalogue, steps.oss, published(steps, "mobile-mp3", "voice-amr-nb"), prefix)
        assert made.parquet is not None
        assert (made.parquet.rows, made.manifests) == (2, 0)
        there = tmp_path / made.parquet.uri.removeprefix(f"oss://{steps.bucket}/{prefix}")
        there.parent.mkdir(exist_ok=True)
        there.write_bytes(content(steps, made.parquet.uri))
        assert there.stat().st_size == made.parquet.size
    rows = duckdb.sql(
        f"SELECT source_key, profile, loudness_lufs IS NOT NULL, duration_exact, dt "
        f"FROM read_parquet('{tmp_path}/*/*.parquet', hive_partitioning = true) ORDER BY ALL"
    ).fetchall()
    assert [(key.removeprefix(steps.prefix), *rest[:-1]) for key, *rest in rows] == [
        (name, profile, True, True) for name in ("a.wav", "b.wav") for profile in ("mobile-mp3", "voice-amr-nb")
    ]
    with steps.catalogue.read() as connection:
        assert {str(row[-1]) for row in rows} == {f"{batches.get_batch(connection, 1).created_at:%Y-%m-%d}"}


def test_a_run_exports_itself_again_into_its_own_file(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = published(steps, "mobile-mp3")
    first, again = (export_run(steps.catalogue, steps.oss, batch, f"{steps.prefix}c/").parquet for _ in range(2))
    assert first is not None
    assert again is not None
    assert first.uri == again.uri
    assert steps.keys(f"{steps.prefix}c/") == [first.uri.removeprefix(f"oss://{steps.bucket}/")]
    with steps.catalogue.read() as connection:
        assert connection.execute(sa.select(export.c.uri, export.c.rows)).all() == [(first.uri, 1)]
    assert f"\nExported: `{first.uri}`, 1 rows.\n" in render(build_report(steps.catalogue, batch))


def test_a_run_that_published_nothing_writes_nothing(steps: Steps) -> None:
    batch = steps.plan("mobile-mp3")
    made = export_run(steps.catalogue, steps.oss, batch, f"{steps.prefix}c/", manifests=True)
    assert made == RunExport(None, 0)
    assert steps.keys(steps.prefix) == []


def test_manifests_of_the_sources_with_news(steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_export, "CHUNK", 2)
    prefix = f"{steps.prefix}c/"
    names = ("a.wav", "曲 b.wav", "c.wav")
    for name in names:
        steps.put(name, wav())
    first = published(steps, "mobile-mp3", "voice-amr-nb")
    assert export_run(steps.catalogue, steps.oss, first, prefix, manifests=True).manifests == 3
    steps.put("c.wav", wav(0.5))
    second = published(steps, "mobile-mp3", "voice-amr-nb")
    assert export_run(steps.catalogue, steps.oss, second, prefix, manifests=True).manifests == 1
    for name in names:
        stored = steps.get(manifest_key(prefix, steps.bucket, steps.prefix + name))
        assert stored.headers["Content-Type"] == "application/json"
        manifest = json.loads(stored.read())
        assert manifest["source"]["uri"] == f"oss://{steps.bucket}/{steps.prefix}{name}"
        assert {one["profile"] for one in manifest["renditions"]} == {"mobile-mp3", "voice-amr-nb"}


def test_a_file_that_can_not_be_written_is_an_error_and_no_row(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    steps.put("a.wav", wav())
    batch = published(steps, "mobile-mp3")
    oss_proxy.refuse(b"PUT ", "403 Forbidden", "AccessDenied")
    with pytest.raises(oss2.exceptions.AccessDenied):
        export_run(steps.catalogue, replace(steps.oss, endpoint=oss_proxy.address), batch, f"{steps.prefix}c/")
    assert build_report(steps.catalogue, batch).export is None
    assert export_run(steps.catalogue, steps.oss, batch, f"{steps.prefix}c/").parquet is not None


def test_the_export_goes_to_the_renditions_bucket(steps: Steps, wav: Wav) -> None:
    steps.oss.bucket("pipeline-exports").create_bucket()
    steps.put("a.wav", wav())
    batch = steps.to_converted(profiles=[replace(steps.profile, target_bucket="pipeline-exports")])
    steps.verify(batch)
    steps.publish(batch)
    made = export_run(steps.catalogue, steps.oss, batch, "catalogue/").parquet
    assert made is not None
    bucket, _, key = made.uri.removeprefix("oss://").partition("/")
    assert bucket == "pipeline-exports"
    table = pq.read_table(io.BytesIO(steps.oss.bucket(bucket).get_object(key).read()))
    assert table["source_key"].to_pylist() == [f"{steps.prefix}a.wav"]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("catalogue/dt=2026-03-01/run-1-ab.parquet", "catalogue"),
        ("catalogue/_manifests/media/a.wav.json", "catalogue"),
        ("catalogue/song.wav", "catalogue"),
        ("out/a.mp3.waveform.json", "waveform or picture of a rendition"),
        ("out/a.mp3.waveform.png", "waveform or picture of a rendition"),
        ("out/a.mp3.spectrogram.png", "waveform or picture of a rendition"),
        ("catalogues/song.wav", None),
        ("in/waveform.json", None),
    ],
)
def test_nothing_that_a_run_writes_is_a_source_even_if_everything_is_included(key: str, reason: str | None) -> None:
    assert Selection("media", include=("*",)).reason_against(key) == reason


def test_without_exports_their_folder_may_hold_sources() -> None:
    assert Selection("media", catalogue=None).matches("catalogue/song.wav")
