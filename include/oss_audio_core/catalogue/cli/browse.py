"""`list` and `show`: renditions page by page, and everything about one source."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
import typer
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import browsing, check_results
from oss_audio_core.catalogue.browsing import PublishedFilter, split_prefix
from oss_audio_core.catalogue.cli.application import CatalogueOption, JsonOption, SinceOption, app
from oss_audio_core.catalogue.cli.connect import moment, opened
from oss_audio_core.catalogue.cli.output import fail, heading, note, show_json, show_rows
from oss_audio_core.catalogue.conversions import Attempt
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.manifest import ladder_manifest
from oss_audio_core.catalogue.schema import conversion, source
from oss_audio_core.catalogue.states import State
from oss_audio_core.catalogue.views import attempt_history, source_ladder

_PUBLISHED = ("published_at", "source_key", "profile", "codec", "duration", "bitrate", "size", "bucket", "key")
_CONVERSIONS = ("changed_at", "key", "profile", "state", "attempt", "code", "message")


@app.command("list")
def list_(
    profile: Annotated[str | None, typer.Option(help="of this profile only")] = None,
    prefix: Annotated[
        str | None, typer.Option(help="the source's key begins so; or oss://bucket/prefix; in the order of keys")
    ] = None,
    since: SinceOption = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="before then")] = None,
    state: Annotated[State, typer.Option(help="other than published: conversions in that state")] = State.PUBLISHED,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="rows of a page")] = 50,
    after: Annotated[str | None, typer.Option(metavar="TOKEN", help="the page after one that ended with it")] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Published renditions, newest first: `list --since 24h` is what was published last night."""
    bucket, begins = (None, None) if prefix is None else split_prefix(prefix)
    wanted = PublishedFilter(profile=profile, bucket=bucket, prefix=begins, since=moment(since), until=moment(until))
    with opened(catalogue) as database, database.read() as connection:
        if state is State.PUBLISHED:
            page = browsing.page(connection, wanted, limit=limit, after=after)
        else:
            page = browsing.conversions(connection, state, wanted, limit=limit, after=after)
    if as_json:
        show_json({"rows": page.rows, "after": page.after})
        return
    columns: tuple[str, ...] = _PUBLISHED if state is State.PUBLISHED else _CONVERSIONS
    show_rows(page.rows, columns, nothing=f"nothing {state} here")
    if page.after is not None:
        note(f"more: --after {page.after}")


@app.command()
def show(
    key: Annotated[str, typer.Argument(metavar="SOURCE", help="its key, or oss://bucket/key")],
    manifest: Annotated[bool, typer.Option("--manifest", help="only the ladder's JSON, as players read it")] = False,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Everything about one source: its contents, renditions, conversions with every attempt, and checks."""
    with opened(catalogue) as database:
        bucket, name = _find(database, key)
        if manifest:
            with database.read() as connection:
                show_json(ladder_manifest(connection, bucket, name))
            return
        found = _everything(database, bucket, name)
    if as_json:
        show_json(found)
        return
    heading(f"oss://{bucket}/{name}")
    show_rows(
        found["contents"],
        ("first_listed_at", "etag", "size", "codec", "sample_rate", "channels", "duration", "title", "artist", "album"),
        nothing="never listed",
    )
    heading("Renditions")
    show_rows(
        found["renditions"],
        ("rung", "profile", "codec", "bitrate", "sample_rate", "channels", "duration", "size", "loudness_lufs", "key"),
        nothing="none is published",
    )
    heading("History")
    show_rows(
        found["history"],
        ("changed_at", "profile", "generation", "number", "state", "task_id", "code", "message"),
        nothing="nothing was asked for",
    )
    heading("Checks of the newest")
    show_rows(found["checks"], ("profile", "name", "expected", "measured", "verdict"), nothing="nothing was checked")


def _find(database: Catalogue, key: str) -> tuple[str, str]:
    bucket, name = split_prefix(key)
    statement = sa.select(source.c.bucket).where(source.c.key == name).distinct().order_by(source.c.bucket)
    if bucket is not None:
        statement = statement.where(source.c.bucket == bucket)
    with database.read() as connection:
        buckets = connection.scalars(statement).all()
    if not buckets:
        fail(f"no source {key} was ever listed; keys are whole and case-sensitive")
    if len(buckets) > 1:
        several = ", ".join(f"oss://{one}/{name}" for one in buckets)
        fail(f"several buckets have it, name one: {several}")
    return buckets[0], name


def _everything(database: Catalogue, bucket: str, key: str) -> dict[str, Any]:
    mine = conversion.c.bucket == bucket, conversion.c.key == key
    contents = sa.select(*(column for column in source.c if column.name != "probe"))
    contents = contents.where(source.c.bucket == bucket, source.c.key == key).order_by(source.c.first_listed_at)
    rungs = source_ladder.c
    ladder = sa.select(source_ladder).where(rungs.source_bucket == bucket, rungs.source_key == key)
    with database.read() as connection:
        asked = connection.execute(
            sa.select(conversion).where(*mine).order_by(conversion.c.profile, conversion.c.generation)
        ).all()
        return {
            "source": f"oss://{bucket}/{key}",
            "contents": _mappings(connection.execute(contents)),
            "renditions": _mappings(connection.execute(ladder.order_by(rungs.rung))),
            "history": [
                {"profile": one.profile, "generation": one.generation, "process": one.process, **attempt}
                for one in asked
                for attempt in _attempts(connection, one.id)
            ],
            "checks": [
                {"profile": one.profile, **vars(result)}
                for one in asked
                if one.newest
                for result in check_results.of_attempt(connection, Attempt(one.id, one.attempt))
            ],
        }


def _attempts(connection: Connection, conversion_id: int) -> list[dict[str, Any]]:
    """The attempts of one conversion: for a join, SQLite would read the history of all."""
    of = attempt_history.c
    statement = sa.select(attempt_history).where(of.conversion_id == conversion_id).order_by(of.number)
    return _mappings(connection.execute(statement))


def _mappings(result: sa.Result[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in result.mappings()]
