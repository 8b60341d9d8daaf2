"""Alembic's entry: migrates the connection that the runner hands over."""

from __future__ import annotations

from alembic import context

from oss_audio_core.catalogue.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
