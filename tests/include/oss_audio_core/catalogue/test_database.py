"""Opening the catalogue: made, upgraded, refused with a reason; two writers queue."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from oss_audio_core.catalogue import Catalogue, CatalogueError, open_catalogue
from oss_audio_core.catalogue.migrations.head import HEAD
from oss_audio_core.catalogue.migrations.runner import config
from oss_audio_core.catalogue.schema import lease, metadata


def test_the_migrations_make_the_tables_of_the_schema(catalogue: Catalogue) -> None:
    with catalogue.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_head_is_the_newest_migration(catalogue: Catalogue) -> None:
    with catalogue.read() as connection:
        assert ScriptDirectory.from_config(config(connection)).get_current_head() == HEAD


def test_down_and_up_again(empty_database: sa.URL) -> None:
    open_catalogue(empty_database).close()
    engine = sa.create_engine(empty_database)
    with engine.begin() as connection:
        command.downgrade(config(connection), "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()
    reopened = open_catalogue(empty_database)
    with reopened.read() as connection:
        assert set(metadata.tables) <= set(sa.inspect(connection).get_table_names())
    reopened.close()


def test_many_may_open_an_empty_database_at_once(empty_database: sa.URL) -> None:
    with ThreadPoolExecutor(6) as pool:
        for opened in pool.map(lambda _: open_catalogue(empty_database), range(6)):
            opened.close()


def test_a_newer_catalogue_is_refused(empty_database: sa.URL) -> None:
    opened = open_catalogue(empty_database)
    with opened.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'from-the-future'"))
    opened.close()
    with pytest.raises(CatalogueError, match=r"schema from-the-future.*newer version"):
        open_catalogue(empty_database)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite://", "name a file"),
        ("sqlite:////no/such/folder/catalogue.db", "/no/such/folder does not exist"),
        ("mysql+pymysql://u:hidden@h/d", "runs on PostgreSQL or SQLite, not on"),
        ("postgresql+psycopg2://u:hidden@127.0.0.1:1/d", "can't be opened"),
    ],
)
def test_a_database_that_cannot_serve_is_refused_without_its_password(url: str, reason: str) -> None:
    with pytest.raises(CatalogueError, match=reason) as caught:
        open_catalogue(url)
    assert "hidden" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.db").write_text("this is no database, but long enough to be looked at" * 30)
    with pytest.raises(CatalogueError, match=r"c\.db: it is no SQLite database\. Check the path"):
        open_catalogue(f"sqlite:///{tmp_path}/c.db")


def test_writers_queue_and_lose_nothing(empty_database: sa.URL) -> None:
    def write(number: int) -> None:
        opened = open_catalogue(empty_database)
        for turn in range(10):
            with opened.write() as connection:
                connection.execute(
                    sa.insert(lease).values(name=f"{number}-{turn}", owner="x", until=sa.func.current_timestamp())
                )
        opened.close()

    open_catalogue(empty_database).close()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    opened = open_catalogue(empty_database)
    with opened.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(lease)) == 40
    opened.close()


def test_a_failed_transaction_leaves_nothing(catalogue: Catalogue) -> None:
    def write_and_fail() -> None:
        with catalogue.write() as connection:
            connection.execute(sa.insert(lease).values(name="n", owner="o", until=sa.func.current_timestamp()))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_and_fail()
    with catalogue.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(lease)) == 0
