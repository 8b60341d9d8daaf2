"""The catalogue's schema, step by step, by Alembic."""
