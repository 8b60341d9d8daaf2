"""The database's URL out of a connection as Airflow keeps it: the same for tasks and for the command line."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import sqlalchemy as sa

from oss_audio_core.extras import MissingExtra, require

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
        "sslpassword",
        "sslrootcert",
        "target_session_attrs",
    }
)
"""Extra fields of a `postgres` connection that libpq gets; those of Airflow's Postgres provider are not for it."""

DEFAULT_FILE = "audio_catalogue.db"
POSTGRESQL = "postgresql+psycopg2"

_DRIVERS = {"postgres": ("",), "postgresql": ("", "psycopg2"), "sqlite": ("", "pysqlite")}
"""Schemes, and the drivers that may follow one after a `+`."""

ENCODE = "write @ : / ? # % of a user or password as %40 %3A %2F %3F %23 %25"
"""The remedy for a password that ends too early."""


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
            raise InvalidAddress(f"it is neither a connection's URI nor its JSON; {ENCODE}") from None

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
        _refuse_unencoded(text)
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
        return _checked(
            sa.URL.create(
                POSTGRESQL,
                username=self.login or None,
                password=self.password or self._text("password") or None,
                host=self.host,
                port=self.port,
                database=self.schema,
                query={name: value for name, value in options.items() if value},
            )
        )

    def _whole_url(self) -> sa.URL:
        text = self._text("url") or self.host.strip()
        if not text:
            raise InvalidAddress("it has no database URL: put it into Host or into the extra field 'url'")
        url = parse_url(text)
        if url.get_backend_name() == "sqlite":
            return _sqlite(url.database or "")
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


def parse_url(address: str | sa.URL) -> sa.URL:
    """The URL of a catalogue's database, out of any form that SQLAlchemy or libpq takes.

    Those are SQLAlchemy's URL, libpq's URI (with several hosts, or a socket's folder as the host) and libpq's keywords
    (`host=… password=…`). The password is the URL's own, wherever it stood.

    Raises:
        InvalidAddress: it is none of them, or part of its password would be taken for another part.
    """
    if isinstance(address, sa.URL):
        return _checked(address)
    try:
        url = sa.make_url(address)
    except (sa.exc.ArgumentError, ValueError):
        # SQLAlchemy's message would quote the address with its password.
        return _checked(_of_libpq(address))
    if url.get_backend_name() in {"postgres", "postgresql"}:
        # libpq and SQLAlchemy end the password at the first `@`, Airflow at the last.
        _refuse_unencoded(address, most_ats=1)
    in_another_form = "," in (url.host or "") or "%" in (url.host or "")
    return _checked(_of_libpq(address) if in_another_form else url)


def _refuse_unencoded(address: str, *, most_ats: int | None = None) -> None:
    """Refuse a URL in which the rest of a password would pass for the database or an option, or be dropped.

    Args:
        address: a URL with its scheme.
        most_ats: how many `@` may stand before the path; None: any number.

    Raises:
        InvalidAddress: a character of the user or the password is not encoded.
    """
    authority, rest = re.split(r"(?=[/?#]|\Z)", address.partition("://")[2], maxsplit=1)
    options = [option for option in rest.partition("?")[2].split("&") if option]
    if (
        "@" in rest
        or "#" in rest
        or (most_ats is not None and authority.count("@") > most_ats)
        or not all("=" in option for option in options)
    ):
        raise InvalidAddress(f"its database URL can't be parsed; {ENCODE}")


def _of_libpq(text: str) -> sa.URL:
    """What libpq's own parser makes of a URI or of keywords."""
    found = _parse_by_libpq(text)
    if found is None:
        raise InvalidAddress(f"its database URL can't be parsed; {ENCODE}")
    return sa.URL.create(
        POSTGRESQL,
        username=found.pop("user", None),
        password=found.pop("password", None),
        database=found.pop("dbname", None),
        # Hosts and ports are options here: there may be several, and a URL of SQLAlchemy has one of each.
        query=found,
    )


def _parse_by_libpq(text: str) -> dict[str, str] | None:
    """The options of a URI or of keywords; None: it is neither, or libpq is not installed."""
    try:
        require("postgres")
    except MissingExtra:
        return None
    import psycopg2.extensions

    try:
        return dict(psycopg2.extensions.parse_dsn(text))
    except psycopg2.Error:
        return None


def _checked(url: sa.URL) -> sa.URL:
    """The URL with the product's driver and with its password in its place.

    Raises:
        InvalidAddress: it is another database's, part of a password stands in another place, or an option is unknown.
    """
    kind, _, driver = url.drivername.partition("+")
    if driver not in _DRIVERS.get(kind, ()):
        raise InvalidAddress(f"the catalogue runs on PostgreSQL or SQLite, not on {url.drivername!r}")
    if kind == "sqlite":
        if url.host or url.username or url.password:
            raise InvalidAddress("the path of an SQLite file follows three slashes: write sqlite:////data/c.db")
        if url.query:
            raise InvalidAddress("an SQLite file takes no options after a '?': write sqlite:////data/c.db")
        return url
    names = [url.host or "", url.database or "", *_option(url, "host"), *_option(url, "dbname")]
    ports = ",".join(_option(url, "port")).replace(",", "")
    if any(mark in name for name in names for mark in "@?#") or (ports and not ports.isdecimal()):
        # Part of a password, as no name and no port has such characters.
        raise InvalidAddress(f"its database URL can't be parsed; {ENCODE}")
    if unknown := [name for name in url.query if not _is_option(name)]:
        raise InvalidAddress(f"libpq doesn't know {len(unknown)} of the options after its '?'; {ENCODE}")
    if inside := _option(url, "password"):
        url = url.difference_update_query(["password"]).set(password=inside[-1])
    return url.set(drivername=POSTGRESQL)


def _option(url: sa.URL, name: str) -> tuple[str, ...]:
    """The values of an option, which may stand in a URL several times."""
    value = url.query.get(name, ())
    return (value,) if isinstance(value, str) else tuple(value)


def _is_option(name: str) -> bool:
    """Whether the libpq that will be asked to connect has an option of that name."""
    installed = _parse_by_libpq("user=x") is not None  # if not, opening the database says what is missing
    return not installed or (name.isidentifier() and _parse_by_libpq(f"{name}=x") is not None)


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
