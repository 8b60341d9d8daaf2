"""`export`, `cancel`, `prune`, `check` and `uid`: Parquet files, cancelled runs, old rows, catalogue and buckets."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import sqlalchemy as sa
import typer

from oss_audio_core.catalogue import bucket_check, bucket_repair, cancelling, parquet_export, pruning
from oss_audio_core.catalogue.bucket_check import Kind
from oss_audio_core.catalogue.cli.application import CatalogueOption, JsonOption, app
from oss_audio_core.catalogue.cli.connect import opened, oss_settings
from oss_audio_core.catalogue.cli.output import note, show_json, show_rows
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.errors import NoSuchBatch
from oss_audio_core.catalogue.identity import catalogue_uid
from oss_audio_core.catalogue.pruning import RetentionPeriods
from oss_audio_core.catalogue.schema import batch

EndpointOption = Annotated[str | None, typer.Option(help="of OSS; by default OSS_ENDPOINT, or the region's own")]
RegionOption = Annotated[str | None, typer.Option(help="of OSS; by default OSS_REGION")]
_DEFAULTS = RetentionPeriods()
"""Periods without options."""

Days = Annotated[int, typer.Option(min=0, max=100_000, metavar="DAYS", help="older than this")]


@app.command()
def export(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="oss://bucket/catalogue, or a local folder")],
    run: Annotated[str | None, typer.Option(help="dag_id/run_id; by default the last run that was reported")] = None,
    everything: Annotated[bool, typer.Option("--all", help="all that is published, for a folder of its own")] = False,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the renditions of a run as Parquet, below FOLDER/dt=YYYY-MM-DD/; a rerun overwrites its own file."""
    with opened(catalogue) as database:
        settings = oss_settings(endpoint, region) if folder.startswith("oss://") else None
    with opened(catalogue, settings) as database:
        if everything:
            written = parquet_export.export_all(database, folder, settings=settings)
        else:
            written = parquet_export.export_batch(database, _batch(database, run), folder, settings=settings)
    if as_json:
        show_json(vars(written))
    else:
        show_rows([vars(written)], ("uri", "rows", "size"), nothing="")


@app.command()
def cancel(
    run: Annotated[str, typer.Argument(metavar="RUN", help="dag_id/run_id, as its report's title has it")],
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel the conversions that a run has planned and not submitted yet. Stop the run in Airflow first."""
    with opened(catalogue) as database:
        done = cancelling.cancel_batch(database, run)
    if as_json:
        show_json(vars(done))
        return
    show_rows([vars(done)], ("cancelled", "left_to_others", "in_flight"), nothing="")
    if done.in_flight:
        note("conversions in flight are paid for: clear the run's tasks from await on, or the next run takes them over")


@app.command()
def prune(
    notifications: Days = _DEFAULTS.notifications.days,
    attempts: Days = _DEFAULTS.attempts.days,
    superseded: Days = _DEFAULTS.superseded.days,
    listings: Days = _DEFAULTS.listings.days,
    yes: Annotated[bool, typer.Option("--yes", help="remove them; without it they are only counted")] = False,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove rows that are no longer needed. Renditions and current conversions always stay."""
    periods = RetentionPeriods(*(timedelta(days=days) for days in (notifications, attempts, superseded, listings)))
    with opened(catalogue) as database:
        counts = pruning.prune(database, periods, dry_run=not yes)
    if as_json:
        show_json({"removed": yes, "rows": counts})
        return
    show_rows([{"what": name, "rows": count} for name, count in counts.items()], ("what", "rows"), nothing="")
    note("removed" if yes else "nothing was removed: that needs --yes")


@app.command()
def check(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="the rows of missing and changed renditions are removed, and the next run makes them anew; rewritten "
            "ones get their new ETag; orphaned and staged objects stay",
        ),
    ] = False,
    even_most: Annotated[
        bool, typer.Option("--even-most", help="repair also when more than half of the renditions are missing")
    ] = False,
    delete_orphans: Annotated[
        bool, typer.Option("--delete-orphans", help="choose orphaned objects to be deleted: with --yes")
    ] = False,
    delete_staged: Annotated[
        bool, typer.Option("--delete-staged", help="choose staged objects that no conversion needs: with --yes")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="delete what was chosen; without it that is only listed")] = False,
    older_than: Annotated[int, typer.Option(min=0, metavar="HOURS", help="delete no object younger than this")] = 24,
    staging: Annotated[
        str, typer.Option(envvar="OSS_AUDIO_STAGING_PREFIX", help="prefix of the staging folder in the target buckets")
    ] = ".staging/",
    endpoint: EndpointOption = None,
    region: RegionOption = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the catalogue with the buckets. Exit status 2 if a difference is left.

    Objects that this catalogue did not write are passed over, and never deleted.
    """
    with opened(catalogue):
        settings = oss_settings(endpoint, region)
    wanted = {kind for kind, asked in ((Kind.ORPHANED, delete_orphans), (Kind.STAGED, delete_staged)) if asked}
    with opened(catalogue, settings) as database:
        found = list(bucket_check.check(database, settings, staging=staging))
        repaired = bucket_repair.repair(database, found, even_most=even_most) if repair else 0
        chosen = bucket_repair.deletable(found, wanted, settled=timedelta(hours=older_than))
        deleted = bucket_repair.delete(database, settings, chosen, staging=staging) if yes else []
    counts = Counter(one.kind.value for one in found)
    done = {"repaired": repaired, "deleted": len(deleted)}
    if as_json:
        to_delete = [] if yes else [f"oss://{one.bucket}/{one.key}" for one in chosen]
        show_json({"counts": counts, **done, "to_delete": to_delete, "differences": [asdict(one) for one in found]})
    else:
        action = dict.fromkeys(chosen, "to delete") | dict.fromkeys(deleted, "deleted")
        rows = [{**asdict(one), "action": action.get(one, "")} for one in found]
        columns = ("kind", "bucket", "key", "detail", *(["action"] if wanted else []))
        show_rows(rows, columns, nothing="catalogue and buckets agree")
        sums = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "no difference"
        note(f"{sums}; {repaired} repaired, {len(deleted)} deleted")
        if chosen and not yes:
            note(f"{len(chosen)} to delete; nothing was deleted: that needs --yes")
        if yes and (kept := len(chosen) - len(deleted)):
            note(f"{kept} stay: they were written anew during the check, or a conversion needs them by now")
        if young := sum(counts[kind.value] for kind in wanted) - len(chosen):
            note(f"{young} younger than {older_than} h stay: they may be in use (--older-than)")
    if len(found) > repaired + len(deleted):
        raise typer.Exit(2)


@app.command()
def uid(catalogue: CatalogueOption = None, as_json: JsonOption = False) -> None:
    """The random name of the catalogue: its staged objects are below STAGING/UID/, its renditions have it as a tag."""
    with opened(catalogue) as database, database.read() as connection:
        name = catalogue_uid(connection)
    if as_json:
        show_json({"uid": name})
    else:
        typer.echo(name)


def _batch(database: Catalogue, run: str | None) -> int:
    statement = sa.select(batch.c.id).order_by(batch.c.reported_at.desc(), batch.c.id.desc()).limit(1)
    statement = statement.where(batch.c.reported_at.is_not(None) if run is None else batch.c.name == run)
    with database.read() as connection:
        found = connection.scalar(statement)
    if found is None:
        raise NoSuchBatch("no run was reported yet" if run is None else f"the catalogue has no run {run!r}")
    return int(found)
