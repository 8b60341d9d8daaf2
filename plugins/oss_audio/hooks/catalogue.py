"""From an Airflow connection to the catalogue's database."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.hooks.connections import ConnectionFields, afind, find
from oss_audio.hooks.executors import executors_that_leave_the_machine

if TYPE_CHECKING:
    from sqlalchemy import URL

EXAMPLE = (
    "--conn-type postgres --conn-host db.example.com --conn-schema audio_catalogue --conn-login … --conn-password …"
)
DEFAULT_FILE = "audio_catalogue.db"

LIBPQ_OPTIONS = frozenset(
    {
        "application_name",
        "connect_timeout",
        "options",
        "sslcert",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
    }
)
"""Extra fields of a `postgres` connection that are passed on; the Postgres provider's own ones are not."""


class CatalogueHook(BaseHook):
    """The catalogue's database URL out of a connection.

    Three forms: type `postgres` (host, port, login, password, schema = database, and libpq's options as extra
    fields); type `sqlite` (the absolute path of the file in Host or Schema, or the URI `sqlite:////path`); or
    any other type with the whole SQLAlchemy URL in Host or in the extra field `url` (a password may be kept in
    Password). No connection at all means the SQLite file `$AIRFLOW_HOME/audio_catalogue.db`.

    SQLite lives on one machine, so it is refused when the configured executor may run tasks elsewhere.

    :param catalogue_conn_id: the connection.
    """

    conn_name_attr: ClassVar[str] = "catalogue_conn_id"
    default_conn_name: ClassVar[str] = "audio_catalogue"
    conn_type: ClassVar[str] = "generic"
    hook_name: ClassVar[str] = "Audio catalogue"

    def __init__(self, catalogue_conn_id: str = "audio_catalogue") -> None:
        """Read nothing yet."""
        super().__init__()
        self.catalogue_conn_id = catalogue_conn_id
        self._url: URL | None = None

    @property
    def url(self) -> URL:
        """The database's URL (on a worker), its password hidden in every text form; read once.

        Raises AirflowFailException for a wrong connection, and for SQLite where it can't work.
        """
        if self._url is None:
            self._url = _checked(find(self.catalogue_conn_id, EXAMPLE), self.catalogue_conn_id)
        return self._url

    async def aurl(self) -> URL:
        """`url` for triggers."""
        if self._url is None:
            self._url = _checked(await afind(self.catalogue_conn_id, EXAMPLE), self.catalogue_conn_id)
        return self._url


def _checked(fields: ConnectionFields | None, conn_id: str) -> URL:
    """The URL of a connection, or of the default file; SQLite only where every task runs on one machine."""
    url = _default() if fields is None else _url(fields)
    if url.get_backend_name() == "sqlite" and (elsewhere := executors_that_leave_the_machine()):
        place = "the default catalogue is" if fields is None else f"the catalogue of {fields.name} is"
        raise AirflowFailException(
            f"{elsewhere[0]} runs tasks on other machines, and {place} an SQLite file, which only one machine "
            f"can write safely. Use PostgreSQL: `airflow connections add {conn_id} {EXAMPLE}`, or run with "
            "[core] executor = LocalExecutor."
        )
    return url


def _default() -> URL:
    from sqlalchemy import URL

    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    return URL.create("sqlite", database=str(home.absolute() / DEFAULT_FILE))


def _url(fields: ConnectionFields) -> URL:
    kind = fields.connection.conn_type or ""
    if kind.partition("+")[0] in {"postgres", "postgresql"}:
        return _postgres(fields)
    if kind.partition("+")[0] == "sqlite":
        connection = fields.connection
        # Airflow's URI form puts the path into Schema, the form in the UI and JSON into Host.
        return _sqlite(fields, (connection.host or "") or (connection.schema or ""))
    return _whole_url(fields)


def _postgres(fields: ConnectionFields) -> URL:
    from sqlalchemy import URL

    connection = fields.connection
    for field, label in ((connection.host, "host"), (connection.schema, "schema (the database's name)")):
        if not field:
            raise fields.wrong(f"its {label} is missing")
    options = {name: fields.text(name) for name in sorted(LIBPQ_OPTIONS) if fields.text(name) is not None}
    return URL.create(
        "postgresql+psycopg2",
        username=connection.login or None,
        password=connection.password or None,
        host=connection.host,
        port=connection.port,
        database=connection.schema,
        query={name: value for name, value in options.items() if value is not None},
    )


def _sqlite(fields: ConnectionFields, path: str) -> URL:
    from sqlalchemy import URL

    if not Path(path).is_absolute():
        raise fields.wrong(
            "the path of its SQLite file must be absolute, as tasks start in folders of their own (in a URI "
            "that is four slashes: sqlite:////data/audio_catalogue.db)"
        )
    return URL.create("sqlite", database=path)


def _whole_url(fields: ConnectionFields) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    text = fields.text("url") or (fields.connection.host or "").strip()
    if not text:
        raise fields.wrong("it has no database URL: put it into Host or into the extra field 'url'")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # SQLAlchemy's message would quote the URL with its password.
        raise fields.wrong("its database URL can't be parsed") from None
    if url.get_backend_name() == "sqlite":
        return _sqlite(fields, url.database or "")
    if url.get_backend_name() != "postgresql":
        raise fields.wrong(f"the catalogue runs on PostgreSQL or SQLite, not on {url.get_backend_name()!r}")
    if url.password is None and fields.connection.password:
        url = url.set(password=fields.connection.password)
    return url
