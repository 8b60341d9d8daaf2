"""The newest revision, known without importing Alembic (a test compares it with the migrations)."""

from __future__ import annotations

HEAD = "0008"
