"""`occupied` and `take-over`: final keys that have an object that isn't the catalogue's own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from oss_audio_core.catalogue import take_over as taking
from oss_audio_core.catalogue.cli.application import CatalogueOption, JsonOption, app
from oss_audio_core.catalogue.cli.connect import opened, oss_settings
from oss_audio_core.catalogue.cli.maintenance import EndpointOption, RegionOption
from oss_audio_core.catalogue.cli.output import note, show_json, show_rows


@app.command()
def occupied(catalogue: CatalogueOption = None, as_json: JsonOption = False) -> None:
    """Targets that conversions may not write to, because another object stands there."""
    with opened(catalogue) as database, database.read() as connection:
        rows = [vars(one) for one in taking.occupied_targets(connection)]
    if as_json:
        show_json(rows)
        return
    show_rows(rows, ("address", "source", "profile", "state", "message"), nothing="no target is occupied")
    if rows:
        note("take-over KEY… lets the next run replace them; or all: occupied --json | take-over --from-file -")


@app.command("take-over")
def take_over(
    keys: Annotated[list[str] | None, typer.Argument(metavar="oss://BUCKET/KEY…", help="exact addresses")] = None,
    from_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="more addresses: one a line, or what `occupied --json` writes; -: stdin"),
    ] = None,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let the next publication at each key replace the object that stands there. Exit status 2 if one is refused."""
    addresses = [*(keys or ()), *(_read(from_file) if from_file is not None else ())]
    if not addresses:
        raise typer.BadParameter("name the keys, as oss://bucket/key, or give --from-file")
    with opened(catalogue):
        settings = oss_settings(endpoint, region)
    with opened(catalogue, settings) as database:
        done = taking.take_over(database, settings, addresses)
    rows = [vars(one) for one in done]
    if as_json:
        show_json(rows)
    else:
        show_rows(rows, ("address", "taken", "detail"), nothing="")
    if not all(one.taken for one in done):
        raise typer.Exit(2)


def _read(name: str) -> list[str]:
    """The addresses of a file: one a line, or a JSON array of addresses or of objects that have one."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{name} can't be read: {type(error).__name__}") from None
    if not text.lstrip().startswith("["):
        # Not `splitlines`: a key may hold the other characters at which that splits.
        return [line.removesuffix("\r") for line in text.split("\n") if line.strip()]
    try:
        rows = json.loads(text)
        return [str(row["address"] if isinstance(row, dict) else row) for row in rows]
    except (ValueError, KeyError, RecursionError):
        raise typer.BadParameter(f"{name} is no JSON array of addresses") from None
