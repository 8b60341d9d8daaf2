"""The addresses of the catalogue and OSS, from options and environment."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
import typer

from oss_audio_core.catalogue.browsing import InvalidPageToken
from oss_audio_core.catalogue.cli.output import fail
from oss_audio_core.catalogue.database import Catalogue, now, open_catalogue
from oss_audio_core.catalogue.database_url import Address, InvalidAddress, default_url, parse_url
from oss_audio_core.catalogue.errors import CatalogueError, NoSuchBatch
from oss_audio_core.extras import MissingExtra
from oss_audio_core.oss import OssConfigurationError, OssSettings

_CONNECTION = "AIRFLOW_CONN_AUDIO_CATALOGUE"
_AGO = re.compile(r"(\d+)([hd])", re.ASCII)


def catalogue_url(given: str | None) -> sa.URL:
    """The database's URL: given, or of AUDIO_CATALOGUE, or of Airflow's connection `audio_catalogue`, or its default.

    Raises:
        CatalogueError: it is no URL. The message never quotes it.
    """
    text = given or os.environ.get("AUDIO_CATALOGUE")
    if not text:
        connection = os.environ.get(_CONNECTION)
        if not connection:
            return default_url()
        try:
            return Address.parse(connection).url()
        except InvalidAddress as wrong:
            raise CatalogueError(f"{_CONNECTION} can't be used: {wrong}") from None
    file = os.path.expanduser(text)
    # What may be an address without its scheme, with a password in it, is no path before such a file exists.
    if os.path.exists(file) or not re.search(r"://|[@=?]", text):
        return sa.URL.create("sqlite", database=os.path.abspath(file))
    try:
        return parse_url(text)
    except InvalidAddress as wrong:
        raise CatalogueError(
            f"the catalogue's address is no database URL, and no file that exists: {wrong}. Write it like "
            "sqlite:////data/audio_catalogue.db or postgresql://user:password@host:5432/audio_catalogue"
        ) from None


def oss_settings(endpoint: str | None, region: str | None) -> OssSettings:
    """OSS by options and environment. The access key is never an option: other users can read a command line.

    Raises:
        OssConfigurationError: something is missing.
    """
    get = os.environ.get
    return OssSettings(
        endpoint=endpoint or get("OSS_ENDPOINT") or "",
        region=region or get("OSS_REGION") or "",
        access_key_id=get("OSS_ACCESS_KEY_ID") or "",
        access_key_secret=get("OSS_ACCESS_KEY_SECRET") or "",
        security_token=get("OSS_SESSION_TOKEN") or None,
        path_style=(get("OSS_PATH_STYLE") or "").lower() in {"1", "true", "yes"},
        name="OSS (OSS_ENDPOINT, OSS_REGION, OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET)",
    )


def moment(text: str | None) -> datetime | None:
    """A time of the command line: a date or time in UTC, or a number of hours or days ago, such as 24h."""
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        try:
            return now() - timedelta(**{"h": {"hours": int(ago[1])}, "d": {"days": int(ago[1])}}[ago[2]])
        except OverflowError:
            raise typer.BadParameter(f"{text!r} is before all dates: write fewer hours or days") from None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time: write 2026-03-01, 2026-03-01T02:00, 24h or 7d") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


@contextmanager
def opened(given: str | None, settings: OssSettings | None = None) -> Iterator[Catalogue]:
    """The catalogue, open for the block. An error is one line on standard error and exit status 1."""
    import oss2
    import requests

    try:
        catalogue = open_catalogue(catalogue_url(given), create=False)
        try:
            yield catalogue
        finally:
            catalogue.close()
    except (CatalogueError, MissingExtra, NoSuchBatch, InvalidPageToken, OssConfigurationError) as error:
        fail(error)
    except (oss2.exceptions.OssError, requests.exceptions.RequestException) as error:
        fail(settings.explain(error, "Asking OSS") if settings else type(error).__name__)
