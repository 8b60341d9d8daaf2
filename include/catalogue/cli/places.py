"""Where the catalogue and OSS are, as options and environment say."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import sqlalchemy as sa
import typer

from include.catalogue.batches import NoSuchBatch
from include.catalogue.browsing import BadToken
from include.catalogue.database import Catalogue, CatalogueError, CatalogueTrouble, now, open_catalogue
from include.oss import OssConfigurationError, OssSettings

DEFAULT_FILE = "audio_catalogue.db"
#: Options of a connection that the database's driver takes.
DRIVER_OPTIONS = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey"})
_AGO = re.compile(r"(\d+)([hd])", re.ASCII)


def catalogue_url(given: str | None) -> sa.URL:
    """The database's URL: given, or of AUDIO_CATALOGUE, or of Airflow's connection `audio_catalogue`, or its default.

    Raises:
        CatalogueError: it is no URL; the message never quotes it.
    """
    text = given or os.environ.get("AUDIO_CATALOGUE")
    if not text:
        connection = os.environ.get("AIRFLOW_CONN_AUDIO_CATALOGUE")
        if connection:
            return _of_connection(connection)
        home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
        return sa.URL.create("sqlite", database=str(home.absolute() / DEFAULT_FILE))
    if "://" not in text:
        return sa.URL.create("sqlite", database=str(Path(text).expanduser().absolute()))
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise CatalogueError(
            "the catalogue's address is no database URL: write it like sqlite:////data/audio_catalogue.db or "
            "postgresql://user:password@host:5432/audio_catalogue"
        ) from None
    return url.set(drivername="postgresql+psycopg2") if url.drivername in {"postgres", "postgresql"} else url


def _of_connection(text: str) -> sa.URL:
    """Airflow's two forms of a connection in the environment: a URI, or JSON."""
    wrong = CatalogueError("AIRFLOW_CONN_AUDIO_CATALOGUE is neither a connection's URI nor its JSON")
    if text.lstrip().startswith("{"):
        try:
            fields: Mapping[str, Any] = json.loads(text)
        except ValueError:
            raise wrong from None
        extra = fields.get("extra") or {}
        extra = json.loads(extra) if isinstance(extra, str) else extra
        if extra.get("url"):
            return catalogue_url(str(extra["url"]))
        kind, options = str(fields.get("conn_type", "")), {}
        values = {name: fields.get(name) for name in ("host", "port", "login", "password", "schema")}
    else:
        try:
            parts = urlsplit(text)
            kind, options = parts.scheme, dict(parse_qsl(parts.query))
            values = {
                "host": unquote(parts.hostname or ""),
                "port": parts.port,
                "login": unquote(parts.username or ""),
                "password": unquote(parts.password or ""),
                "schema": unquote(parts.path.removeprefix("/")),
            }
        except ValueError:
            raise wrong from None
    kind = kind.partition("+")[0]
    if kind == "sqlite":
        path = str(values["host"] or values["schema"] or "")
        return sa.URL.create("sqlite", database=path)
    if kind not in {"postgres", "postgresql"} or not values["host"] or not values["schema"]:
        raise wrong
    return sa.URL.create(
        "postgresql+psycopg2",
        username=values["login"] or None,
        password=values["password"] or None,
        host=values["host"],
        port=int(values["port"]) if values["port"] else None,
        database=values["schema"],
        query={name: value for name, value in options.items() if name in DRIVER_OPTIONS},
    )


def oss_settings(endpoint: str | None, region: str | None) -> OssSettings:
    """OSS by options and environment. The access key is never an option: a command line can be read by everybody.

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
    """A time as people write it: a date or time in UTC, or so many hours or days ago."""
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return now() - timedelta(**{"h": {"hours": int(ago[1])}, "d": {"days": int(ago[1])}}[ago[2]])
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time: write 2026-03-01, 2026-03-01T02:00, 24h or 7d") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


@contextmanager
def opened(given: str | None, settings: OssSettings | None = None) -> Iterator[Catalogue]:
    """The catalogue, open for the block; what goes wrong is one line on standard error and exit status 1."""
    import oss2
    import requests

    try:
        catalogue = open_catalogue(catalogue_url(given), create=False)
        try:
            yield catalogue
        finally:
            catalogue.close()
    except (CatalogueError, CatalogueTrouble, NoSuchBatch, BadToken, OssConfigurationError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except (oss2.exceptions.OssError, requests.exceptions.RequestException) as error:
        typer.echo(f"error: {settings.explain(error, 'Asking OSS') if settings else type(error).__name__}", err=True)
        raise typer.Exit(1) from None
