"""Buckets and objects on a local disk: content in immutable files, everything else in one SQLite database."""
