"""The one Typer application; each module of commands adds its own."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    help="The catalogue of verified renditions. A table on a terminal, tab-separated lines in a pipe, or --json.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

CatalogueOption = Annotated[
    str | None,
    typer.Option(
        "--catalogue",
        metavar="URL",
        help="sqlite:////path, a path, or postgresql://…; by default AUDIO_CATALOGUE, AIRFLOW_CONN_AUDIO_CATALOGUE, "
        "or audio_catalogue.db in AIRFLOW_HOME",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document for programs")]
SinceOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="from then on: 2026-03-01, 2026-03-01T02:00 (UTC), 24h or 7d ago")
]
