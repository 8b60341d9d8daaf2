"""The canary search: secrets of a run, looked for in every place that docs/threat-model.md lists."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import oss2
import psutil
import pyarrow.parquet as pq
import sqlalchemy as sa

Places = Iterable[tuple[str, str]]
"""Names of places and what stands there."""


@dataclass(frozen=True)
class Canaries:
    """Secrets by name, and a text that every place has: where it is absent, the search has not seen the place."""

    secrets: Mapping[str, str]

    def found(self, places: Places) -> list[str]:
        """The secrets that stand somewhere, each with its place; as it is, percent-encoded or in Base64."""
        return [
            f"{name} in {place}"
            for place, text in places
            for name, secret in self.secrets.items()
            if any(form in text for form in (secret, quote(secret, safe=""), b64encode(secret.encode()).decode()))
        ]


def files(folder: Path, *, leave_out: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """Every file below a folder: logs, reports, SQLite files (whose texts are plain), objects of the local cloud."""
    left_out = set(leave_out)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in left_out:
            yield str(path.relative_to(folder)), _text(path.read_bytes())


def objects(bucket: oss2.Bucket, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every object below a prefix with its key, headers and tags."""
    for one in oss2.ObjectIteratorV2(bucket, prefix=prefix):
        found = bucket.get_object(one.key)
        tags = bucket.get_object_tagging(one.key).tag_set.tagging_rule
        yield f"oss://{one.key}", json.dumps([one.key, dict(found.headers), tags]) + _text(found.read())


def tables(url: sa.URL) -> Iterator[tuple[str, str]]:
    """Every row of every table of a database."""
    engine = sa.create_engine(url)
    tables = sa.MetaData()
    with engine.connect() as connection:
        tables.reflect(connection)
        for table in tables.tables.values():
            yield f"table {table.name}", repr(connection.execute(sa.select(table)).all())
    engine.dispose()


def command_lines(pids: Iterable[int]) -> Iterator[tuple[str, str]]:
    """The arguments of processes and of all their children: every user of a machine reads them."""
    for pid in pids:
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            try:
                yield f"arguments of {process.name()}", "\0".join(process.cmdline())
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue


def _text(content: bytes) -> str:
    if content[:4] == b"PAR1":  # compressed
        table = pq.read_table(io.BytesIO(content))
        return repr(table.schema) + repr(table.to_pylist())
    return content.decode("utf-8", "replace")
