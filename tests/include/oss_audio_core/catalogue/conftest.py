"""A catalogue on each database it is served on, and rows to fill it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, open_catalogue
from oss_audio_core.catalogue.schema import batch, batch_conversion, rendition
from oss_audio_core.oss import OssSettings
from tests.include.oss_audio_core.catalogue.rendition_folder import RenditionFolder
from tests.include.oss_audio_core.catalogue.rows import DUE_AT, add_conversion, add_source

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess

DAY = datetime(2026, 3, 1, tzinfo=UTC)
"""Midnight of a day that the times of a `Library` count from."""


@pytest.fixture
def catalogue(catalogue_url: sa.URL) -> Iterator[Catalogue]:
    """An open, empty catalogue."""
    opened = open_catalogue(catalogue_url)
    yield opened
    opened.close()


class Library:
    """Writes rows as a night leaves them: a source, its conversion and, if that was published, its rendition."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def add(
        self,
        key: str,
        profile: str = "mobile-mp3",
        *,
        state: State = State.PUBLISHED,
        at: datetime = DAY,
        codec: str = "mp3",
        size: int = 100,
        source_size: int = 1000,
        etag: str = "S1",
        described: dict[str, Any] | None = None,
        asked: dict[str, Any] | None = None,
        measured: dict[str, Any] | None = None,
    ) -> int:
        """Write one conversion and what belongs to it. Returns its id."""
        target = f"renditions/{profile}/{key}.{codec}"
        with self.catalogue.write() as connection:
            source_id = add_source(connection, key, at=at, etag=etag, size=source_size, **described or {})
            row = {"profile": profile, "process": f"audio/convert,f_{codec}", "target_key": target, **(asked or {})}
            conversion_id = add_conversion(connection, source_id, key, state, at=at, **row)
            if state is State.PUBLISHED:
                made = {
                    "bucket": "media",
                    "key": target,
                    "conversion_id": conversion_id,
                    "source_id": source_id,
                    "source_bucket": "media",
                    "source_key": key,
                    "profile": profile,
                    "codec": codec,
                    "sample_rate": 44100,
                    "channels": 2,
                    "duration": 1.5,
                    "size": size,
                    "etag": "R1",
                    "published_at": at,
                    **(measured or {}),
                }
                connection.execute(sa.insert(rendition).values(**made))
        return conversion_id

    def batch(self, name: str, conversions: list[int], *, at: datetime = DAY) -> int:
        """Write a reported batch that wanted these conversions. Returns its id."""
        with self.catalogue.write() as connection:
            row = {"name": name, "uid": "abcd1234", "params": {}, "passed_over": {}, "decisions": {}}
            inserted = sa.insert(batch).values(**row, created_at=at, planned_at=at, reported_at=at)
            batch_id = connection.execute(inserted).inserted_primary_key[0]
            for ordinal, one in enumerate(conversions):
                row = {"batch_id": batch_id, "conversion_id": one, "ordinal": ordinal, "shard": 0, "decision": "new"}
                connection.execute(sa.insert(batch_conversion).values(**row))
        return int(batch_id)

    def night(self) -> None:
        """One night, as docs/catalogue.md tells it: two sources published, one of them as flac only, and one failed."""
        first = self.add("songs/a.wav", at=DAY + timedelta(hours=2))
        second = self.add("songs/a.wav", "archive-flac", codec="flac", size=600, at=DAY + timedelta(hours=2))
        third = self.add("songs/b.wav", "archive-flac", codec="flac", size=500, at=DAY + timedelta(hours=3))
        broken = {"code": "InvalidAudio", "message": "no audio in it"}
        fourth = self.add("songs/b.wav", state=State.FAILED, at=DAY + timedelta(hours=3), asked=broken)
        self.batch("nightly/1", [first, second, third, fourth])


@pytest.fixture
def library(catalogue: Catalogue) -> Library:
    """Rows for the catalogue."""
    return Library(catalogue)


@pytest.fixture
def run_command(catalogue_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Run `oss-audio catalogue …` in this process: exit status, standard output, standard error."""
    from typer.testing import CliRunner

    from oss_audio_core.catalogue.cli import app

    monkeypatch.setenv("AUDIO_CATALOGUE", catalogue_url.render_as_string(hide_password=False))

    def run(*words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, list(words))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout, result.stderr

    return run


@pytest.fixture
def oss(local_cloud: CloudProcess) -> OssSettings:
    """The session's local cloud."""
    return OssSettings(
        endpoint=local_cloud.oss,
        region=local_cloud.region,
        access_key_id=local_cloud.access_key_id,
        access_key_secret=local_cloud.access_key_secret,
        connect_timeout=5,
        read_timeout=20,
    )


@pytest.fixture
def folder(library: Library, oss: OssSettings, local_cloud: CloudProcess) -> RenditionFolder:
    """A folder of the session's bucket that is this test's own."""
    return RenditionFolder(library, oss, local_cloud.bucket)


@pytest.fixture
def two_batches(catalogue: Catalogue, library: Library) -> tuple[int, int]:
    """Batches of six conversions in three shards of two; the second one joined the first one's last shard."""
    states = [State.SUBMITTED, State.SUBMITTED, State.SUBMITTING, State.SUBMITTING, State.CONVERTED, State.FAILED]
    made = []
    for number, state in enumerate(states):
        asked = {
            "deadline_at": DUE_AT + timedelta(minutes=number),
            "lease_until": DUE_AT - timedelta(minutes=number),
            "task_id": f"T{number}",
        }
        made.append(library.add(f"{number}.wav", state=state, asked=asked))
    batches = library.batch("one", made), library.batch("two", made[4:])
    with catalogue.write() as connection:
        first = sa.update(batch_conversion).where(batch_conversion.c.batch_id == batches[0])
        connection.execute(first.values(shard=batch_conversion.c.ordinal // sa.literal(2)))
    return batches
