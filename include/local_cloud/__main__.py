"""`python -m include.local_cloud`."""

from __future__ import annotations

from include.local_cloud.cli import main

raise SystemExit(main())
