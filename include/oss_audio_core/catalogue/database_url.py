"""The database's URL out of a connection as Airflow keeps it: the same for tasks and for the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import sqlalchemy as sa

LIBPQ_OPTIONS = frozenset(
    {
        "application_name",
        "connect_timeout",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "options",
        "sslcert",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
    }
)
"""Extra fields of a `postgres` connection that libpq gets; those of Airflow's Postgres provider are not for it."""

DEFAULT_FILE = "audio_catalogue.db"
POSTGRESQL = "postgresql+psycopg2"


class InvalidAddress(ValueError):
    """What is wrong with a connection or a URL, as the rest of a sentence; nothing of its text is quoted."""


# Without a repr: a password may stand in host and extra, too.
@dataclass(frozen=True, repr=False)
class Address:
    """The fields of an Airflow connection; `schema` is the database's name."""

    conn_type: str
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = ""
    schema: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read what stands in `AIRFLOW_CONN_…`: a URI or JSON, by Airflow's own rules.

        Raises:
            InvalidAddress: it is neither.
        """
        text = text.strip()
        try:
            return cls._of_json(text) if text.startswith("{") else cls._of_uri(text)
        except InvalidAddress:
            raise
        except (ValueError, TypeError):
            raise InvalidAddress("it is neither a connection's URI nor its JSON") from None

    @classmethod
    def _of_json(cls, text: str) -> Address:
        fields = json.loads(text)
        texts = {name: str(fields.get(name) or "") for name in ("conn_type", "host", "login", "password", "schema")}
        port = fields.get("port")
        return cls(**texts, port=int(port) if port else None, extra=_extra(fields.get("extra")))

    @classmethod
    def _of_uri(cls, text: str) -> Address:
        parts = urlsplit(text)
        if not parts.scheme or "://" not in text:
            raise ValueError
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(
            conn_type=parts.scheme,
            host=_host(parts),
            port=parts.port,
            login=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            schema=unquote(parts.path[1:]),
            # So Airflow writes extra fields that are no plain texts.
            extra=_extra(query["__extra__"]) if "__extra__" in query else query,
        )

    def url(self) -> sa.URL:
        """The database's URL: of type `postgres`, of type `sqlite`, or of any other that has a whole URL.

        Raises:
            InvalidAddress: a field is missing or wrong, or it is another kind of database.
        """
        match self.conn_type.partition("+")[0]:
            case "postgres" | "postgresql":
                return self._postgresql()
            case "sqlite":
                # The URI form puts the path into Schema, the form in the UI and JSON into Host.
                return _sqlite(self.host or self.schema)
        return self._whole_url()

    def _postgresql(self) -> sa.URL:
        for value, label in ((self.host, "host"), (self.schema, "schema (the database's name)")):
            if not value:
                raise InvalidAddress(f"its {label} is missing")
        options = {name: self._text(name) for name in sorted(LIBPQ_OPTIONS)}
        return sa.URL.create(
            POSTGRESQL,
            username=self.login or None,
            password=self.password or None,
            host=self.host,
            port=self.port,
            database=self.schema,
            query={name: value for name, value in options.items() if value},
        )

    def _whole_url(self) -> sa.URL:
        text = self._text("url") or self.host.strip()
        if not text:
            raise InvalidAddress("it has no database URL: put it into Host or into the extra field 'url'")
        url = parse_url(text)
        if url.get_backend_name() == "sqlite":
            return _sqlite(url.database or "")
        if url.get_backend_name() != "postgresql":
            raise InvalidAddress(f"the catalogue runs on PostgreSQL or SQLite, not on {url.get_backend_name()!r}")
        return url.set(password=self.password) if url.password is None and self.password else url

    def _text(self, name: str) -> str:
        value = self.extra.get(name)
        if value is None:
            return ""
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            raise InvalidAddress(f"extra field '{name}' must be text, and is a JSON {type(value).__name__}")
        return str(value).strip()


def default_url() -> sa.URL:
    """Without any connection: a file in Airflow's home."""
    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    return sa.URL.create("sqlite", database=str(home.absolute() / DEFAULT_FILE))


def parse_url(text: str) -> sa.URL:
    """SQLAlchemy's URL; `postgres://` and `postgresql://` name the driver that the product brings.

    Raises:
        InvalidAddress: it is none.
    """
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        # SQLAlchemy's message would quote the URL with its password.
        raise InvalidAddress("its database URL can't be parsed") from None
    return url.set(drivername=POSTGRESQL) if url.drivername in {"postgres", "postgresql"} else url


def _sqlite(path: str) -> sa.URL:
    if not Path(path).is_absolute():
        raise InvalidAddress(
            "the path of its SQLite file must be absolute, as tasks start in folders of their own (in a URI "
            "that is four slashes: sqlite:////data/audio_catalogue.db)"
        )
    return sa.URL.create("sqlite", database=path)


def _host(parts: SplitResult) -> str:
    """The host as it was written: `hostname` is in small letters, which the path of a file must not be."""
    host = unquote(parts.hostname or "")
    return unquote(parts.netloc.rpartition("@")[2].partition(":")[0]) if "/" in host else host


def _extra(value: Any) -> Mapping[str, Any]:
    """Extra fields: an object, or its JSON as text."""
    found = (json.loads(value) if value else {}) if isinstance(value, str) else value or {}
    if not isinstance(found, dict):
        raise InvalidAddress(f"its extra field must be a JSON object, and is a JSON {type(found).__name__}")
    return found
