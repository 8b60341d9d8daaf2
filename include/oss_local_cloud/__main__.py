"""`python -m oss_local_cloud`."""

from __future__ import annotations

from oss_local_cloud.cli import main

raise SystemExit(main())
