"""The exports of a run: one Parquet file of its renditions, and a manifest for each source that got one.

    {prefix}dt=2026-03-01/run-…parquet          a table partitioned by day (`oss_audio_core.catalogue.parquet_export`)
    {prefix}_manifests/{bucket}/{source key}.json   the source's ladder (`oss_audio_core.catalogue.manifest`)

Both are in the bucket of the renditions. Readers of the table skip folders that begin with an underscore.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from oss_audio_core.catalogue import batches
from oss_audio_core.catalogue.conversions import CHUNK
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.manifest import ladder_manifest
from oss_audio_core.catalogue.parquet_export import Export, export_batch
from oss_audio_core.catalogue.schema import batch_conversion, rendition
from oss_audio_core.oss import OssSettings, with_retries

CONCURRENCY = 8
"""Manifests written at once."""

MANIFESTS = "_manifests/"


@dataclass(frozen=True)
class RunExport:
    """The files of a run: the Parquet file (None: not wanted, or nothing was published) and the number of manifests."""

    parquet: Export | None
    manifests: int


def export_run(
    catalogue: Catalogue,
    settings: OssSettings,
    batch_id: int,
    prefix: str,
    *,
    uid: str | None = None,
    manifests: bool = False,
    parquet: bool = True,
) -> RunExport:
    """Export the renditions that a run published, as the catalogue has them now. A second call overwrites its files.

    The renditions of a run in several buckets are all in one file, in the first of these buckets by name.

    Args:
        catalogue: the open catalogue.
        settings: of OSS.
        batch_id: of the run.
        prefix: of the exports in the renditions' bucket; ends with "/".
        uid: the batch's own, where it is known: an id may be given again.
        parquet: write the Parquet file.
        manifests: write manifests, too: one request for each source that got a rendition.

    Raises:
        NoSuchBatch: the catalogue was replaced since the run began.
        oss2.exceptions.OssError: a file could not be written.
        requests.RequestException: the connection broke while an answer was read.
    """
    with catalogue.read() as connection:
        batches.get_batch(connection, batch_id, uid)
        bucket = connection.scalar(sa.select(sa.func.min(rendition.c.bucket)).where(_of_batch(batch_id)))
    if bucket is None:
        return RunExport(None, 0)
    written = 0
    if manifests:
        write = partial(_write_manifest, catalogue, settings.bucket(bucket, session=settings.session()), prefix)
        with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="manifest") as pool:
            for page in _sources(catalogue, batch_id):
                written += sum(pool.map(write, page))
    if not parquet:
        return RunExport(None, written)
    folder = f"oss://{bucket}/{prefix.removesuffix('/')}"
    return RunExport(export_batch(catalogue, batch_id, folder, settings=settings), written)


def manifest_key(prefix: str, bucket: str, key: str) -> str:
    """Where the manifest of a source is, in the bucket of the renditions."""
    return f"{prefix}{MANIFESTS}{bucket}/{key}.json"


def _of_batch(batch_id: int) -> sa.ColumnElement[bool]:
    mine = sa.select(batch_conversion.c.conversion_id).where(batch_conversion.c.batch_id == batch_id)
    return rendition.c.conversion_id.in_(mine)


def _sources(catalogue: Catalogue, batch_id: int) -> Iterator[Sequence[tuple[str, str]]]:
    """Bucket and key of every source that got a rendition from the run, in pages."""
    of = rendition.c.source_bucket, rendition.c.source_key
    statement = sa.select(*of).where(_of_batch(batch_id)).distinct().order_by(*of).limit(CHUNK)
    after: tuple[str, str] = ("", "")
    while True:
        with catalogue.read() as connection:
            page = [(row[0], row[1]) for row in connection.execute(statement.where(sa.tuple_(*of) > after))]
        if not page:
            return
        yield page
        after = page[-1]


def _write_manifest(catalogue: Catalogue, bucket: Any, prefix: str, source: tuple[str, str]) -> bool:
    """Write one source's manifest, unless its renditions are gone by now. Runs in a pool thread."""
    with catalogue.read() as connection:
        manifest = ladder_manifest(connection, *source)
    if manifest is None:
        return False
    content = json.dumps(manifest, ensure_ascii=False, indent=2).encode()
    headers = {"Content-Type": "application/json"}
    with_retries(lambda: bucket.put_object(manifest_key(prefix, *source), content, headers=headers))
    return True
