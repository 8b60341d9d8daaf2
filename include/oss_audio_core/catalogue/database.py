"""Opening the catalogue: SQLite by default, PostgreSQL by its URL, migrated to this version's schema."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from oss_audio_core.catalogue.database_url import InvalidAddress, parse_url
from oss_audio_core.catalogue.errors import CatalogueError, CatalogueUnavailable, explain, is_transient
from oss_audio_core.catalogue.migrations.head import HEAD
from oss_audio_core.catalogue.schema import UtcDateTime
from oss_audio_core.catalogue.storable import storable_json
from oss_audio_core.catalogue.url_redaction import redact_secrets, shown, without_secrets
from oss_audio_core.extras import MissingExtra, require

BUSY_TIMEOUT = 60
"""Seconds that a writer waits for another one before it gives up."""

IDLE_TIMEOUT = 120
"""Seconds after which PostgreSQL ends an idle transaction: a process that is stopped, or whose machine is lost, holds
locks that others wait for. No step makes a request to another service inside a transaction."""

_CONNECTING = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""Options of libpq: a connection whose server vanished ends after a minute, an attempt to connect after ten seconds."""

_ADVISORY_LOCKS = {"migrate": 7_146_001, "plan": 7_146_002}
"""Arbitrary numbers that all processes share."""


class Catalogue:
    """One open catalogue database.

    Safe to share between threads. Writers go through `write()`: one short transaction, which SQLite takes
    with BEGIN IMMEDIATE so that two of them queue instead of failing half way.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.shown = shown(engine.url)
        # SQLite makes waiting writers poll; within a process a lock is cheaper.
        self._writer = Lock() if engine.dialect.name == "sqlite" else None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction: committed at the end of the block, rolled back on an exception.

        Raises:
            CatalogueUnavailable: the database is locked, full, read-only or gone.
        """
        with self._translate_errors():
            if self._writer is None:
                with self._engine.begin() as connection:
                    yield connection
                return
            with self._writer, self._engine.connect() as connection:
                connection = connection.execution_options(catalogue_write=True)
                with connection.begin():
                    yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One read transaction: every statement in it sees the same state.

        Raises:
            CatalogueUnavailable: the database is locked, damaged or gone.
        """
        with self._translate_errors(), self._engine.connect() as connection:
            if self._writer is None:  # PostgreSQL's own default shows each statement another state
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            explanation = explain(error, self.shown, BUSY_TIMEOUT, truncated=self._is_truncated())
            if explanation is None:
                raise
            raise CatalogueUnavailable(
                f"{explanation}. The transaction was rolled back; nothing else is lost"
            ) from None

    def _is_truncated(self) -> bool:
        """Whether a SQLite catalogue's file has no byte, which none has that was migrated."""
        file = self._engine.url.database
        return self._writer is not None and bool(file) and Path(str(file)).is_file() and not os.path.getsize(str(file))

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()


def now() -> datetime:
    """The catalogue's clock: UTC."""
    return datetime.now(UTC)


def clock(connection: Connection, ahead: timedelta = timedelta(0)) -> sa.ColumnElement[datetime]:
    """The time by the clock that leases are compared with, or a later time by it.

    On PostgreSQL it is the server's, for the clocks of its clients may differ. SQLite serves one machine.
    """
    if connection.dialect.name == "postgresql":
        return sa.func.clock_timestamp(type_=UtcDateTime) + sa.cast(sa.literal(ahead, sa.Interval), sa.Interval)
    return sa.literal(now() + ahead, UtcDateTime)


def exclusive(connection: Connection, name: str) -> None:
    """Let one transaction at a time continue, until it ends. SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCKS[name])))


def allow_idle(connection: Connection) -> None:
    """Let a transaction that only reads be idle without limit: the consumer of its rows may be slow."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def open_catalogue(url: str | sa.URL, *, create: bool = True) -> Catalogue:
    """Open the catalogue at a SQLAlchemy URL; missing tables are made, older ones upgraded.

    Args:
        url: such as `sqlite:////absolute/path.db` or `postgresql+psycopg2://user:…@host/database`.
        create: create the tables where there are none; otherwise an empty or missing database is refused.

    Raises:
        CatalogueError: the database can't be reached or written, is of a kind not served, belongs to another program,
            or is newer than this one. It is then as it was.
        CatalogueUnavailable: the same, where trying again later may help.
    """
    try:
        url = parse_url(url)
    except InvalidAddress as wrong:
        raise CatalogueError(f"the catalogue's address can't be used: {wrong}") from None
    named = shown(url)
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise CatalogueError(f"catalogue {named}: name a file, several processes must see the same catalogue")
        if not os.path.isdir(Path(url.database).parent):
            raise CatalogueError(f"catalogue {named}: the folder {Path(url.database).parent} does not exist; create it")
        if os.path.isdir(url.database):
            raise CatalogueError(
                f"catalogue {named}: this is a folder; name a file, such as {Path(url.database) / 'audio_catalogue.db'}"
            )
        if not create and not os.path.exists(url.database):
            raise CatalogueError(_none_here(named))
        _refuse_foreign_file(url.database, named, create)
    engine = _engine(url)
    try:
        _bring_up_to_date(engine, url, named, create)
    except sa.exc.DBAPIError as error:
        engine.dispose()
        # The driver's own text may repeat the URL; its class and first line are enough to act on.
        said = redact_secrets(str(error.orig), url).strip()
        reason = said.splitlines()[0] if said else type(error.orig).__name__
        trouble = explain(error, named, BUSY_TIMEOUT) or f"catalogue {named}: the database refuses"
        kind = CatalogueUnavailable if is_transient(error) else CatalogueError
        raise kind(f"{trouble}. It can't be opened ({reason}) and is as it was") from None
    except BaseException:
        engine.dispose()
        raise
    return Catalogue(engine)


def _none_here(shown: str) -> str:
    return (
        f"catalogue {shown}: there is none. The first run of a DAG makes it; check the address "
        "(--catalogue, AUDIO_CATALOGUE) if there should be one"
    )


def _engine(url: sa.URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return _postgresql(url)
    engine = sa.create_engine(
        url, json_serializer=storable_json, connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False}
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # this module says BEGIN itself
        cursor = raw.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # A TaskId that was written must be there after a power failure: it is what a conversion was paid for.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("catalogue_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgresql(url: sa.URL) -> Engine:
    """An engine for PostgreSQL. Settings of the URL, the role or the server take precedence."""
    try:
        require("postgres")
    except MissingExtra as missing:
        raise CatalogueError(f"the catalogue is on PostgreSQL: {missing}") from None
    # The engine's texts, which tracebacks may have, show its URL.
    harmless, secret = without_secrets(url)
    connecting = {name: value for name, value in _CONNECTING.items() if name not in url.query} | secret
    engine = sa.create_engine(
        harmless,
        json_serializer=storable_json,
        connect_args=connecting,
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=12,
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: Any) -> None:
        cursor = raw.cursor()
        # Not as a start-up option: connection poolers refuse those.
        cursor.execute(
            "SELECT set_config(name, %s, false) FROM pg_settings WHERE name = %s AND setting = '0'",
            (f"{IDLE_TIMEOUT * 1000:.0f}", "idle_in_transaction_session_timeout"),
        )
        cursor.close()
        raw.commit()

    return engine


def _bring_up_to_date(engine: Engine, url: sa.URL, shown: str, create: bool) -> None:
    if _version(engine) == HEAD:
        return
    # Alembic takes a fifth of a second to import: only an old or empty database pays for it.
    from oss_audio_core.catalogue.migrations.runner import UnknownRevision, upgrade

    try:
        with engine.connect() as connection:
            connection = connection.execution_options(catalogue_write=True)
            with connection.begin():
                exclusive(connection, "migrate")
                _refuse_foreign(connection, shown, create)
                upgrade(connection)
    except UnknownRevision as error:
        raise CatalogueError(
            f"catalogue {shown} has schema {error.revision}, which this program (schema {HEAD}) doesn't "
            "know: it was written by a newer version. Upgrade this program or point it at another database"
        ) from None
    if url.get_backend_name() == "sqlite" and url.database:
        os.chmod(url.database, 0o600)  # it has object keys and error messages


def _refuse_foreign_file(file: str, shown: str, create: bool) -> None:
    """Look at a file without writing to it: another program's stays as it is, byte for byte.

    A file that can't be read this way is judged by the connection that may write, which recovers or explains it.
    """
    if not Path(file).exists():
        return
    address = Path(file).absolute().as_uri()
    reader = sa.create_engine(sa.URL.create("sqlite", database=address, query={"mode": "ro", "uri": "true"}))
    try:
        with suppress(sa.exc.DBAPIError), reader.connect() as connection:
            _refuse_foreign(connection, shown, create)
    finally:
        reader.dispose()


def _refuse_foreign(connection: Connection, shown: str, create: bool) -> None:
    """Refuse a database with another program's tables: its `alembic_version` is not the catalogue's."""
    tables = set(sa.inspect(connection).get_table_names()) - {"alembic_version"}
    if not tables and not create:
        raise CatalogueError(_none_here(shown))
    if tables and not {"batch", "source", "conversion", "rendition"} <= tables:
        few = ", ".join(sorted(tables)[:3])
        raise CatalogueError(
            f"catalogue {shown} is no catalogue: it has another program's tables ({few}, …). "
            "Point at an empty database, or at the catalogue's own"
        )


def _version(engine: Engine) -> str | None:
    with engine.connect() as connection, connection.begin():
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        row = connection.execute(sa.text("SELECT version_num FROM alembic_version")).first()
        return None if row is None else str(row[0])
