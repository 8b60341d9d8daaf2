"""Progress of a DAG run, read from the catalogue and from Airflow."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import sqlalchemy as sa
from rich.console import Console
from rich.status import Status

from oss_audio_core.catalogue import Catalogue, State
from oss_audio_core.catalogue.schema import batch, batch_conversion, conversion

LINE_EVERY = 2.0
"""Seconds between two lines where there is no terminal to draw on."""


class Progress:
    """Shows the progress of a run: one changing line on a terminal, else a line now and then. A context manager.

    Args:
        console: where to show it.
        title: name of the run.
        catalogue: the catalogue that the run writes to.
        batch_name: `dag_id/run_id`.
        tasks: returns (task, state) of the run from Airflow, in the order of the DAG.
    """

    def __init__(
        self,
        console: Console,
        title: str,
        catalogue: Catalogue,
        batch_name: str,
        tasks: Callable[[], list[tuple[str, str | None]]],
    ) -> None:
        self._console = console
        self._title = title
        self._catalogue = catalogue
        self._batch_name = batch_name
        self._tasks = tasks
        self._status: Status | None = None
        self._began = time.monotonic()
        self._printed = ""
        self._printed_at = 0.0

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._status = self._console.status(self._title)
            self._status.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        if self._status is not None:
            self._status.stop()
        self._printed_at = 0.0
        self.refresh()

    def refresh(self) -> None:
        """Show the present state."""
        text = self._describe()
        if self._status is not None:
            self._status.update(f"{self._title} {time.monotonic() - self._began:3.0f} s  {text}")
        elif text != self._printed and time.monotonic() - self._printed_at >= LINE_EVERY:
            self._console.print(f"{self._title} {time.monotonic() - self._began:3.0f} s  {text}")
            self._printed, self._printed_at = text, time.monotonic()

    def _describe(self) -> str:
        active = [f"{name} {state}" for name, state in self._tasks() if state not in (None, "success", "skipped")]
        states = batch_states(self._catalogue, self._batch_name)
        counts = [f"{states[state]} {state.value}" for state in State if states[state]]
        return "  ".join([", ".join(active) or "between tasks", "|", ", ".join(counts) or "no conversions"])


def batch_states(catalogue: Catalogue, batch_name: str) -> Counter[State]:
    """Count the conversions of a batch by state."""
    statement = (
        sa.select(conversion.c.state, sa.func.count())
        .join(batch_conversion, batch_conversion.c.conversion_id == conversion.c.id)
        .join(batch, batch.c.id == batch_conversion.c.batch_id)
        .where(batch.c.name == batch_name)
        .group_by(conversion.c.state)
    )
    with catalogue.read() as connection:
        return Counter({State(state): count for state, count in connection.execute(statement)})
