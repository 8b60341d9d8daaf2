"""`python -m oss_local_cloud`: what `oss-audio local-cloud` runs, for processes that are started by module."""

from __future__ import annotations

from oss_local_cloud.cli import main

raise SystemExit(main())
