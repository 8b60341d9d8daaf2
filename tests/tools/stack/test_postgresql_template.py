"""A stack's PostgreSQL starts from a copy of the template, which stays as it is."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from tools.stack.postgresql import database_url, empty_data, ordinary_user, serving
from tools.stack.postgresql_template import copy_template, template_path


def test_a_copy_belongs_to_the_servers_user_and_leaves_the_template_unchanged(tmp_path: Path) -> None:
    with empty_data() as data:
        with serving(data) as port:
            engine = sa.create_engine(database_url(port), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
            with engine.connect() as connection:
                connection.exec_driver_sql("CREATE TABLE made (number int)")
        data.rename(template_path(tmp_path))
        copy_template(data, {}, tmp_path)
        assert data.owner() == (ordinary_user() or tmp_path.owner())
        with serving(data) as port:
            engine = sa.create_engine(database_url(port), poolclass=sa.NullPool)
            with engine.connect() as connection:
                assert connection.exec_driver_sql("SELECT count(*) FROM made").scalar_one() == 0
    assert (template_path(tmp_path) / "PG_VERSION").exists()
