"""The main job, end to end, on this machine: audio goes in, a verified catalogue comes out, twice."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from oss_audio_core.audio_convert import FORMATS, load_profiles
from oss_audio_core.catalogue import Catalogue, State, open_catalogue
from oss_audio_core.catalogue.reports import ReportRow, newest_rows
from oss_audio_core.catalogue.states import FAILED_STATES
from tools.demo.catalogue_table import catalogue_table
from tools.demo.imm_tasks import count_conversion_tasks
from tools.demo.progress import Progress
from tools.demo.samples import SAMPLES, SETTINGS, make_samples
from tools.demo.upload import oss_settings, upload_samples
from tools.stack import Stack, StackError

DAG_ID = "nightly_audio_batch"
PROFILES = (
    "mobile-mp3",
    "streaming-aac-128k",
    "archive-flac",
    "web-oga",
    "broadcast-ac3",
    "podcast-opus",
    "voice-amr-wb",
)
"""One profile for each of the seven formats."""

FIRST_RUN, SECOND_RUN = "first-night", "second-night"
"""Run ids. They are fixed, so that a demo that was killed rejoins its own batch when it is started again."""

RUN_TIMEOUT = 900.0
"""Seconds that a run may take: the claims of a killed demo have to expire before their submits are searched for."""


class DemoError(RuntimeError):
    """The demo did not end as expected; the message names each difference."""


@dataclass(frozen=True)
class DemoSummary:
    """The demo's last line.

    Attributes:
        sources: audio files in the bucket.
        published: renditions that were verified and published.
        failed: conversions that ended as a row with a reason.
        formats: formats of the published renditions.
        submitted: conversions the cloud had accepted after the first run.
        submitted_again: conversions it accepted during the second run.
        seconds: from the start to the end of the second run.
    """

    sources: int
    published: int
    failed: int
    formats: list[str]
    submitted: int
    submitted_again: int
    seconds: float


def run_demo(run_dir: Path, console: Console) -> dict[str, Any]:
    """Run the demo. Every process that it started has ended when it returns.

    A finished demo's directory is emptied first; an interrupted demo is continued.

    Args:
        run_dir: where everything is kept.
        console: where progress and the catalogue are printed.

    Returns:
        The fields of `DemoSummary`.

    Raises:
        DemoError: the results are not the expected ones, or another demo of this folder is running.
        StackError: the stack didn't start, or a run didn't finish.
    """
    with _locked(run_dir):
        return _run_locked(run_dir, console)


@contextmanager
def _locked(run_dir: Path) -> Iterator[None]:
    """Lock the folder, since a second demo would end the first one's processes.

    The lock is on the folder above and ends with its process: a demo that was killed leaves none.
    """
    run_dir.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(run_dir.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(f"another demo of {run_dir} is running; wait for it, or end it with Ctrl-C") from None
        yield
    finally:
        os.close(folder)


def _run_locked(run_dir: Path, console: Console) -> dict[str, Any]:
    began = time.monotonic()
    finished = run_dir / "finished"
    if finished.exists():
        shutil.rmtree(run_dir)
    elif (run_dir / "audio_catalogue.db").exists():
        console.print("continuing the demo that was interrupted")
    stack = Stack(run_dir, extra_env=_settings())
    samples = run_dir / "samples"
    console.print("making samples, starting the local cloud and Airflow …")
    with ThreadPoolExecutor(1) as aside:
        made: Future[list[Path]] = aside.submit(make_samples, samples)
        try:
            stack.start()
            made.result()
            summary = _work(stack, samples, console, began)
        finally:
            stack.stop()
    finished.touch()
    return asdict(summary)


def _settings() -> dict[str, str]:
    return {
        **SETTINGS,
        "OSS_AUDIO_PROFILES": ",".join(PROFILES),
        # The demo triggers its runs itself: a new DAG would begin with the run of last night at once.
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        # Runs are short here: the scheduler's pauses between tasks would be half of the time.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    }


def _work(stack: Stack, samples: Path, console: Console, began: float) -> DemoSummary:
    names, settings = stack.cloud_settings, oss_settings(stack)
    console.print(f"ready after {time.monotonic() - began:.0f} s: Airflow on {stack.airflow.address}")
    upload_samples(settings.bucket(names.bucket), names.prefix, samples)
    console.print(f"{len(SAMPLES)} sources in oss://{names.bucket}/{names.prefix}, {len(PROFILES)} profiles")
    stack.airflow.wait_for_dag(DAG_ID)
    catalogue = open_catalogue(stack.catalogue_url)
    try:
        _night(stack, catalogue, FIRST_RUN, console)
        submitted = count_conversion_tasks(settings, names.bucket)
        rows = _rows(catalogue)
        console.print(catalogue_table(rows, names.prefix))
        console.print(f"catalogue printed after {time.monotonic() - began:.0f} s; the next night begins")
        _night(stack, catalogue, SECOND_RUN, console)
        again = count_conversion_tasks(settings, names.bucket) - submitted
        rows_after = _rows(catalogue)
    finally:
        catalogue.close()
    console.print(f"second night: {again} conversions submitted again")
    summary = _summary(rows, submitted, again, time.monotonic() - began)
    _check(summary, rows, rows_after)
    return summary


def _night(stack: Stack, catalogue: Catalogue, run_id: str, console: Console) -> None:
    api = stack.airflow
    api.trigger(DAG_ID, run_id=run_id)

    def tasks() -> list[tuple[str, str | None]]:
        return [(found["task_id"], found["state"]) for found in api.task_instances(DAG_ID, run_id)]

    with Progress(console, run_id.replace("-", " "), catalogue, f"{DAG_ID}/{run_id}", tasks) as progress:

        def watch() -> None:
            stack.processes.require_alive()
            progress.refresh()

        run = api.wait_for_run(DAG_ID, run_id, RUN_TIMEOUT, watch)
    if run["state"] != "success":
        raise StackError(f"run {run_id!r} is {run['state']}:\n{api.explain_failure(DAG_ID, run_id)}")


def _rows(catalogue: Catalogue) -> list[ReportRow]:
    with catalogue.read() as connection:
        return newest_rows(connection)


def _summary(rows: list[ReportRow], submitted: int, again: int, seconds: float) -> DemoSummary:
    published = [row for row in rows if row.state is State.PUBLISHED]
    profiles = load_profiles()
    return DemoSummary(
        sources=len({row.key for row in rows}),
        published=len(published),
        failed=sum(row.state in FAILED_STATES for row in rows),
        formats=sorted({profiles[row.profile].convert.f for row in published}),
        submitted=submitted,
        submitted_again=again,
        seconds=round(seconds, 1),
    )


def _check(summary: DemoSummary, rows: list[ReportRow], rows_after: list[ReportRow]) -> None:
    """Compare with the samples: every good one published in every format, every broken one failed with a reason."""
    good = sum(not sample.broken for sample in SAMPLES)
    expected = {
        "sources": len(SAMPLES),
        "published": good * len(PROFILES),
        "failed": (len(SAMPLES) - good) * len(PROFILES),
        "formats": sorted(FORMATS),
        "submitted": len(SAMPLES) * len(PROFILES),
        "submitted_again": 0,
    }
    wrong = [
        f"{name} is {getattr(summary, name)} instead of {value}"
        for name, value in expected.items()
        if getattr(summary, name) != value
    ]
    if any(row.state in FAILED_STATES and not (row.code and row.message) for row in rows):
        wrong.append("a failure has no reason")
    if rows != rows_after:
        wrong.append("the second night changed the catalogue")
    if wrong:
        raise DemoError("; ".join(wrong))
