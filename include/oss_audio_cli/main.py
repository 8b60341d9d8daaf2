"""The command `oss-audio`. Each part is imported when it is called: help takes a fraction of a second."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from oss_audio_core.extras import DISTRIBUTION, MissingExtra, require
from oss_audio_core.text.escaping import for_terminal

app = typer.Typer(
    help="Audio transcoding in Alibaba Cloud OSS: the catalogue, the local cloud, profiles, and new projects.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
profiles_app = typer.Typer(no_args_is_help=True, help="The YAML files of profiles.")
app.add_typer(profiles_app, name="profiles")

_PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False}
"""The rest of the line, `--help` included, belongs to the command that is called."""


def main() -> None:
    """Run the command; the entry point of the distribution."""
    app(prog_name="oss-audio")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"{DISTRIBUTION} {version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Options of the command itself."""


@app.command(context_settings=_PASS_ON, add_help_option=False)
def catalogue(context: typer.Context) -> None:
    """What was published, what failed and why, what is missing; exports and upkeep."""
    from oss_audio_core.catalogue.cli import app as catalogue_app

    catalogue_app(context.args, prog_name="oss-audio catalogue")


@app.command("local-cloud", context_settings=_PASS_ON, add_help_option=False)
def local_cloud(context: typer.Context) -> None:
    """OSS, IMM and SMQ on this machine, for unmodified SDKs: `local-cloud serve --help`."""
    from oss_local_cloud.cli import parser, serve

    arguments = parser(os.environ).parse_args(context.args)  # help ends here, also without the extra
    try:
        require("local-cloud")
    except MissingExtra as missing:
        _fail(str(missing))
    raise typer.Exit(serve(arguments))


@profiles_app.command()
def check(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="by default OSS_AUDIO_PROFILE_FOLDER, or the profiles of the package"),
    ] = None,
) -> None:
    """Read every profile of a folder and name all problems; exit status 1 when there is one."""
    from oss_audio_cli.profiles import check_folder

    found, problems = check_folder(folder)
    for problem in problems:
        typer.echo(for_terminal(problem), err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(for_terminal(found))


@app.command()
def init(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="a new folder, an Airflow home, or an Astro project")],
) -> None:
    """Write DAG files, profiles and sample connections to start from; files that exist stay as they are."""
    from oss_audio_cli.new_project import ProjectError, write_project

    if not folder.strip():
        _fail("DIR is empty; name a folder, such as ~/airflow, or . for the current one")
    try:
        written = write_project(Path(folder))
    except ProjectError as error:
        _fail(str(error))
    typer.echo(written.summary())


def _fail(message: str) -> None:
    typer.echo(for_terminal(f"error: {message}"), err=True)
    raise typer.Exit(1)
