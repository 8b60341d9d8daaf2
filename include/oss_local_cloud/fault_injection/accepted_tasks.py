"""The conversions that the service accepted, read in pages from its own table while it works.

Reads `imm.db` by separate connections, which never block the service.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from oss_local_cloud.fault_injection.records import AcceptedConversion, AcceptedTask
from oss_local_cloud.imm import tasks

_PAGE = 500
_TASK_COLUMNS = ", ".join(AcceptedTask.__dataclass_fields__)
_GROUP = "bucket, key, target_bucket, target_key, process"


class AcceptedTasks:
    """The accepted conversions of the cloud in `data_dir`."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "imm.db"

    def tasks(self, after: int = 0, limit: int | None = None) -> Iterator[AcceptedTask]:
        """Every task after the one numbered `after`, in the order of acceptance; a page at a time in memory."""
        left = limit
        with closing(self._connect()) as connection:
            while left is None or left > 0:
                rows = connection.execute(
                    f"SELECT {_TASK_COLUMNS} FROM tasks WHERE number > ? ORDER BY number LIMIT ?",  # noqa: S608
                    (after, _PAGE if left is None else min(left, _PAGE)),
                ).fetchall()
                for row in rows:
                    yield AcceptedTask(**{**dict(row), "notified": bool(row["notified"])})
                if not rows:
                    return
                after = rows[-1]["number"]
                left = None if left is None else left - len(rows)

    def conversions(self, at_least: int = 1) -> Iterator[AcceptedConversion]:
        """How often each conversion was accepted, those accepted `at_least` so often, in the order of the keys.

        The grouping sorts on the disk. The result is one state of the table, however long it takes to read.
        """
        with closing(self._connect()) as connection:
            rows = connection.execute(
                f"SELECT {_GROUP}, count(*) AS accepted,"  # noqa: S608
                " sum(status = :running) AS running, sum(status = :succeeded) AS succeeded,"
                " sum(status = :failed) AS failed, min(started_ms) AS first_ms, max(started_ms) AS last_ms,"
                f" json_group_array(task_id) AS task_ids FROM tasks GROUP BY {_GROUP} HAVING accepted >= :at_least",
                {
                    "at_least": at_least,
                    "running": tasks.RUNNING,
                    "succeeded": tasks.SUCCEEDED,
                    "failed": tasks.FAILED,
                },
            )
            for row in rows:
                yield AcceptedConversion(**{**dict(row), "task_ids": json.loads(row["task_ids"])})

    def _connect(self) -> sqlite3.Connection:
        # A stream of lines is written by whichever thread is free, one at a time.
        connection = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, timeout=30, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA temp_store = FILE")
        return connection
