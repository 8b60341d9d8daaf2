"""Runs the migrations on a connection that is already inside a transaction."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.engine import Connection

# A dozen lines about its own plugins would stand in the log of the first task that opens the catalogue.
logging.getLogger("alembic").setLevel(logging.WARNING)


class UnknownRevision(RuntimeError):
    """The database stands at a revision that these migrations don't contain."""

    def __init__(self, revision: str) -> None:
        super().__init__(revision)
        self.revision = revision


def config(connection: Connection) -> Config:
    """Alembic's configuration for one open connection; there is no ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    return settings


def upgrade(connection: Connection) -> None:
    """Bring the tables to the newest revision; nothing happens when they are there already.

    Raises:
        UnknownRevision: the database is newer than these migrations.
    """
    settings = config(connection)
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None:
        try:
            ScriptDirectory.from_config(settings).get_revision(current)
        except CommandError:
            raise UnknownRevision(current) from None
    command.upgrade(settings, "head")
