"""`failures`, `savings` and `missing`: questions after a night."""

from __future__ import annotations

from typing import Annotated

import typer

from oss_audio_core.audio_convert import FORMATS
from oss_audio_core.catalogue import queries
from oss_audio_core.catalogue.browsing import split_prefix
from oss_audio_core.catalogue.cli.application import CatalogueOption, JsonOption, SinceOption, app
from oss_audio_core.catalogue.cli.connect import moment, opened
from oss_audio_core.catalogue.cli.output import note, show_json, show_rows

_CODECS = {codec: {codec} for one in FORMATS.values() for codec in one.codecs.values()}
"""The codecs of every format by its name (of amr two), and each codec by its own."""

_CODECS |= {name: set(one.codecs.values()) for name, one in FORMATS.items()}
_CODECS["ogg"] = _CODECS["oga"]


@app.command()
def failures(
    since: SinceOption = None,
    code: Annotated[str | None, typer.Option(help="every conversion that failed for this reason")] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """What failed and why, counted by reason; with --code one by one."""
    with opened(catalogue) as database, database.read() as connection:
        if code is None:
            rows = [vars(one) for one in queries.reasons(connection, since=moment(since))]
            columns = ("count", "code", "message", "latest", "profile", "key")
        else:
            rows = [vars(one) for one in queries.failures(connection, since=moment(since), code=code)]
            columns = ("changed_at", "key", "profile", "state", "attempt", "message")
    if as_json:
        show_json(rows)
    else:
        show_rows(rows, columns, nothing="nothing failed" if code is None else f"nothing failed with {code}")


@app.command()
def savings(
    since: SinceOption = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="published before then")] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """How many bytes the renditions save compared with their sources, by profile and in all."""
    with opened(catalogue) as database, database.read() as connection:
        found = queries.savings(connection, since=moment(since), until=moment(until))
    every = queries.Saving(
        "all", *(sum(getattr(one, name) for one in found) for name in ("renditions", "bytes_in", "bytes_out"))
    )
    rows = [
        {
            **vars(one),
            "saved": one.saved,
            "saved_percent": None if one.share is None else round(100 * one.share, 1),
        }
        for one in (*found, every)
    ]
    if as_json:
        show_json(rows)
    else:
        columns = ("profile", "renditions", "bytes_in", "bytes_out", "saved", "saved_percent")
        show_rows(rows, columns, nothing="nothing is published")


@app.command()
def missing(
    what: Annotated[str, typer.Argument(metavar="PROFILE|CODEC", help="such as mobile-mp3, or mp3 with --codec")],
    codec: Annotated[bool, typer.Option("--codec", help="any rendition of that codec counts")] = False,
    prefix: Annotated[str, typer.Option(help="only sources whose key begins so; or oss://bucket/prefix")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="at most so many")] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sources without a published rendition: `missing mp3 --codec` are those that have no mp3."""
    if codec and what not in _CODECS:
        raise typer.BadParameter(f"{what!r} is no codec of a rendition: {', '.join(sorted(_CODECS))}")
    bucket, begins = split_prefix(prefix)
    with opened(catalogue) as database, database.read() as connection:
        found = queries.missing(
            connection,
            profile=None if codec else what,
            codecs=_CODECS[what] if codec else (),
            bucket=bucket,
            prefix=begins,
            limit=limit,
        )
        known = codec or queries.is_profile(connection, what)
    rows = [vars(one) for one in found]
    if as_json:
        show_json(rows)
    else:
        columns = ("bucket", "key") if codec else ("bucket", "key", "state", "code", "message")
        show_rows(rows, columns, nothing=f"every source has its {what}")
        note(f"{len(rows)} sources")
    if not known:
        note(f"nothing was ever asked for with a profile {what!r}" + ("; a codec needs --codec" * (what in _CODECS)))
