"""A database that is missing, locked, full, damaged, read-only or of another program: a clear error, no data lost."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa
from alembic import command

from oss_audio_core.catalogue import Catalogue, CatalogueError, CatalogueUnavailable, database, leases, open_catalogue
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.errors import is_transient
from oss_audio_core.catalogue.migrations.head import HEAD
from oss_audio_core.catalogue.migrations.runner import config
from oss_audio_core.catalogue.schema import notification, source
from tests.include.oss_audio_core.catalogue.rows import add_source


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A SQLite catalogue with one source in it."""
    file = tmp_path / "c.db"
    opened = open_catalogue(f"sqlite:///{file}")
    put_source(opened, "a.wav")
    opened.close()
    return file


def put_source(opened: Catalogue, key: str) -> None:
    with opened.write() as connection:
        add_source(connection, key)


def add_messages(opened: Catalogue, count: int) -> None:
    with opened.write() as connection:
        rows = [{"queue": "q", "message_id": str(n), "body": b"x" * 4096, "received_at": now()} for n in range(count)]
        connection.execute(sa.insert(notification), rows)


def keys(url: sa.URL | str) -> list[str]:
    opened = open_catalogue(url)
    with opened.read() as connection:
        found = list(connection.scalars(sa.select(source.c.key).order_by(source.c.key)))
    opened.close()
    return found


def test_a_missing_catalogue_is_not_created_for_reading(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"c\.db: there is none\. The first run of a DAG makes it; check"):
        open_catalogue(f"sqlite:///{tmp_path}/c.db", create=False)
    assert not (tmp_path / "c.db").exists()


def test_an_empty_database_gets_no_tables_for_reading(empty_database: sa.URL) -> None:
    engine = sa.create_engine(empty_database, poolclass=sa.NullPool)
    engine.connect().close()
    with pytest.raises(CatalogueError, match="there is none"):
        open_catalogue(empty_database, create=False)
    open_catalogue(empty_database).close()
    open_catalogue(empty_database, create=False).close()


def test_a_database_that_does_not_exist_names_the_remedy(postgres_server: sa.URL) -> None:
    url = postgres_server.set(database="no_such_catalogue", password="hidden")
    with pytest.raises(
        CatalogueError, match=r"no_such_catalogue: the server has no such database\. Create it"
    ) as caught:
        open_catalogue(url)
    assert "hidden" not in str(caught.value)


def test_a_locked_database_is_named_and_served_afterwards(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.1)
    opened = open_catalogue(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CatalogueUnavailable, match=r"c\.db: another process has locked it .* Wait for it to end"):
        put_source(opened, "b.wav")
    other.execute("ROLLBACK")
    other.close()
    put_source(opened, "b.wav")
    opened.close()
    assert keys(f"sqlite:///{file}") == ["a.wav", "b.wav"]


def test_a_file_that_is_cut_to_nothing_while_it_is_open_is_not_called_locked(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.1)
    opened = open_catalogue(f"sqlite:///{file}")
    with opened.read() as connection:
        connection.execute(sa.select(source.c.id)).all()
        os.truncate(file, 0)
        # The pool's second connection.
        with pytest.raises(CatalogueUnavailable, match=r"c\.db: the file is empty: something truncated it.*Restore"):
            put_source(opened, "b.wav")
    opened.close()


def test_a_database_that_is_locked_during_its_upgrade_is_unchanged(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    downgrade(f"sqlite:///{file}")
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CatalogueError, match=r"c\.db: another process has locked it"):
        open_catalogue(f"sqlite:///{file}")
    other.execute("ROLLBACK")
    other.close()
    assert version(file) == "0001"
    assert keys(f"sqlite:///{file}") == ["a.wav"]


def test_a_full_database_keeps_its_rows_and_is_written_again_when_there_is_room(file: Path) -> None:
    opened = open_catalogue(f"sqlite:///{file}")
    with opened.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(CatalogueUnavailable, match=r"c\.db: the disk, or the file's own limit, is full\. Make room"):
        add_messages(opened, 50)
    with opened.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(notification)) == 0
    opened.close()
    opened = open_catalogue(f"sqlite:///{file}")
    put_source(opened, "b.wav")
    opened.close()
    assert keys(f"sqlite:///{file}") == ["a.wav", "b.wav"]


def test_a_database_that_gets_full_during_its_upgrade_is_unchanged(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    downgrade(f"sqlite:///{file}")
    engine_of = database._engine

    def small(url: sa.URL) -> sa.Engine:
        engine = engine_of(url)

        @sa.event.listens_for(engine, "connect")
        def _limit(raw: sqlite3.Connection, _record: object) -> None:
            (pages,) = raw.execute("PRAGMA page_count").fetchone()
            raw.execute(f"PRAGMA max_page_count = {pages}")

        return engine

    with sqlite3.connect(file) as raw:
        raw.execute("VACUUM")
    raw.close()
    monkeypatch.setattr(database, "_engine", small)
    with pytest.raises(CatalogueError, match=r"c\.db: the disk, or the file's own limit, is full.*is as it was"):
        open_catalogue(f"sqlite:///{file}")
    monkeypatch.undo()
    assert version(file) == "0001"
    assert keys(f"sqlite:///{file}") == ["a.wav"]
    assert version(file) == HEAD


def test_a_damaged_database_is_named(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(CatalogueError, match=r"c\.db: its content is damaged\. Restore a backup"):
        keys(f"sqlite:///{file}")


def test_the_database_of_another_program_is_left_alone(empty_database: sa.URL) -> None:
    engine = sa.create_engine(empty_database)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE dag_run (id integer)")
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num varchar(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('b12d4f98a91e')")
    with pytest.raises(CatalogueError, match=r"is no catalogue: it has another program's tables \(dag_run"):
        open_catalogue(empty_database)
    with engine.connect() as connection:
        assert set(sa.inspect(connection).get_table_names()) == {"dag_run", "alembic_version"}
    engine.dispose()


@pytest.fixture
def postgres_url(postgres_server: sa.URL) -> Iterator[sa.URL]:
    """A PostgreSQL catalogue with one source in it."""
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE strict")
    url = postgres_server.set(database="strict")
    opened = open_catalogue(url)
    put_source(opened, "a.wav")
    opened.close()
    yield url
    with admin.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE strict WITH (FORCE)")
        connection.exec_driver_sql("DROP ROLE IF EXISTS looker")
    admin.dispose()


def test_a_read_only_server_is_read_and_the_error_of_a_write_names_the_cause(postgres_url: sa.URL) -> None:
    read_only = postgres_url.update_query_dict({"options": "-c default_transaction_read_only=on"})
    assert keys(read_only) == ["a.wav"]
    opened = open_catalogue(read_only)
    with pytest.raises(CatalogueUnavailable, match=r"strict.*: it is read-only\. Point at the primary"):
        put_source(opened, "b.wav")
    opened.close()
    downgrade(postgres_url)
    with pytest.raises(CatalogueError, match=r"it is read-only.*is as it was"):
        open_catalogue(read_only)


def test_the_error_of_a_missing_right_names_the_remedy(postgres_url: sa.URL) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE looker LOGIN")
        connection.exec_driver_sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker")
    looker = postgres_url.set(username="looker", password="hidden")
    assert keys(looker) == ["a.wav"]
    opened = open_catalogue(looker)
    with pytest.raises(CatalogueUnavailable, match=r"this role lacks a right\. Make it the owner") as caught:
        put_source(opened, "b.wav")
    assert "hidden" not in str(caught.value)
    opened.close()
    with engine.begin() as connection:
        connection.exec_driver_sql("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM looker")
        connection.exec_driver_sql("REVOKE ALL ON SCHEMA public FROM looker")
    engine.dispose()


PATIENT = {"options": "-c lock_timeout=30s"}
"""A wait that would never end fails after this time."""


def test_an_idle_transaction_is_ended_by_the_server(postgres_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    other = open_catalogue(postgres_url.update_query_dict(PATIENT))
    monkeypatch.setattr(database, "IDLE_TIMEOUT", 3)
    stalled = open_catalogue(postgres_url)

    def idle() -> None:
        with stalled.write() as connection:
            database.exclusive(connection, "plan")
            add_source(connection, "b.wav")
            with other.write() as busy:
                database.exclusive(busy, "plan")
            add_source(connection, "c.wav")

    with pytest.raises(
        CatalogueUnavailable, match=r"strict: .* was idle inside a transaction .*The transaction was rolled back"
    ) as caught:
        idle()
    assert is_transient(by_the_driver(caught.value))
    put_source(other, "d.wav")
    stalled.close()
    other.close()
    assert keys(postgres_url) == ["a.wav", "d.wav"]


def test_a_transaction_that_reads_pages_may_be_idle(postgres_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    from oss_audio_core.catalogue.browsing import PublishedFilter, pages

    monkeypatch.setattr(database, "IDLE_TIMEOUT", 77)
    opened = open_catalogue(postgres_url)
    with opened.read() as connection:
        assert list(pages(connection, PublishedFilter())) == []
        timeout = sa.text("SELECT current_setting('idle_in_transaction_session_timeout')")
        assert connection.scalar(timeout) == "0"
    with opened.read() as connection:
        assert connection.scalar(timeout) == "77s"
    opened.close()


def test_settings_of_the_address_are_left_alone(postgres_url: sa.URL) -> None:
    options = {"options": "-c idle_in_transaction_session_timeout=7s", "keepalives_idle": "77"}
    opened = open_catalogue(postgres_url.update_query_dict(options))
    with opened.read() as connection:
        assert connection.scalar(sa.text("SELECT current_setting('idle_in_transaction_session_timeout')")) == "7s"
        parameters = connection.connection.driver_connection.get_dsn_parameters()
    assert (parameters["keepalives_idle"], parameters["keepalives_interval"], parameters["connect_timeout"]) == (
        "77",
        "10",
        "10",
    )
    opened.close()


@pytest.mark.parametrize("end", ["pg_terminate_backend", "close"])
def test_a_connection_that_is_lost_inside_a_transaction_is_transient(postgres_url: sa.URL, end: str) -> None:
    opened, other = open_catalogue(postgres_url), open_catalogue(postgres_url)

    def lose_it() -> None:
        with opened.write() as connection:
            if end == "close":
                connection.connection.driver_connection.close()
            else:
                with other.write() as busy:
                    pid = connection.scalar(sa.func.pg_backend_pid())
                    busy.execute(sa.select(sa.func.pg_terminate_backend(pid)))
            add_source(connection, "b.wav")

    with pytest.raises(
        CatalogueUnavailable, match=r"strict: the (server is shutting down|connection to the server broke)"
    ) as caught:
        lose_it()
    assert is_transient(by_the_driver(caught.value))
    opened.close()
    other.close()


def test_a_deadlock_is_transient(postgres_url: sa.URL) -> None:
    opened = open_catalogue(postgres_url)
    put_source(opened, "b.wav")
    both_have_one = Barrier(2)

    def update(first: str, then: str) -> CatalogueUnavailable | None:
        try:
            with opened.write() as connection:
                for turn, key in enumerate((first, then)):
                    connection.execute(sa.update(source).where(source.c.key == key).values(size=turn))
                    if not turn:
                        both_have_one.wait(timeout=60)
        except CatalogueUnavailable as error:
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(update, ("a.wav", "b.wav"), ("b.wav", "a.wav")))
    opened.close()
    (trouble,) = [error for error in outcomes if error is not None]
    assert "two transactions conflicted" in str(trouble)
    assert is_transient(by_the_driver(trouble))


def by_the_driver(error: CatalogueUnavailable) -> sa.exc.DBAPIError:
    """The driver's error that was translated."""
    cause = error.__context__
    assert isinstance(cause, sa.exc.DBAPIError)
    return cause


def test_leases_are_compared_by_the_servers_clock_whatever_ours_says(
    postgres_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    opened = open_catalogue(postgres_url)
    with opened.write() as connection:
        assert leases.acquire(connection, "drain q", "one", timedelta(minutes=1))
    monkeypatch.setattr(database, "now", lambda: now() + timedelta(days=1))
    with opened.write() as connection:
        assert not leases.acquire(connection, "drain q", "a clock that is a day ahead", timedelta(minutes=1))
    opened.close()


def downgrade(url: sa.URL | str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        command.downgrade(config(connection), "0001")
    engine.dispose()


def version(file: Path) -> str:
    with sqlite3.connect(file) as raw:
        (found,) = raw.execute("SELECT version_num FROM alembic_version").fetchone()
    raw.close()
    return str(found)


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_the_file_of_another_program_stays_byte_for_byte(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "theirs # 1.db"
    writer = sqlite3.connect(file)
    writer.execute(f"PRAGMA journal_mode={mode}")
    writer.execute("CREATE TABLE dag_run (id integer)")
    writer.commit()
    before = file.read_bytes()
    for create in (True, False):
        with pytest.raises(CatalogueError, match=r"is no catalogue: it has another program's tables \(dag_run"):
            open_catalogue(sa.URL.create("sqlite", database=str(file)), create=create)
        assert file.read_bytes() == before
    writer.close()


def test_a_file_that_another_program_left_with_unwritten_pages_stays_byte_for_byte(tmp_path: Path) -> None:
    source, file = tmp_path / "source.db", tmp_path / "theirs.db"
    writer = sqlite3.connect(source)
    writer.execute("PRAGMA journal_mode=wal")
    writer.execute("CREATE TABLE dag_run (id integer)")
    writer.commit()
    for suffix in ("", "-wal"):
        Path(f"{file}{suffix}").write_bytes(Path(f"{source}{suffix}").read_bytes())
    writer.close()
    before = [Path(f"{file}{suffix}").read_bytes() for suffix in ("", "-wal")]
    assert all(before)
    with pytest.raises(CatalogueError, match="is no catalogue"):
        open_catalogue(f"sqlite:///{file}")
    assert [Path(f"{file}{suffix}").read_bytes() for suffix in ("", "-wal")] == before


def test_a_folder_is_no_catalogue(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"this is a folder; name a file, such as .*/audio_catalogue\.db"):
        open_catalogue(f"sqlite:///{tmp_path}")
    open_catalogue(f"sqlite:///{tmp_path}/audio_catalogue.db").close()
