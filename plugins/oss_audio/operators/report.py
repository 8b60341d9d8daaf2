"""The last step of a batch: its report, and whether too much of it failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.defaults import FAILURE_THRESHOLD, REPORTS
from oss_audio.notes import RUN_NOTE, TASK_NOTE, leave
from oss_audio.operators.base import OSSAudioOperator
from oss_audio.translate_errors import translate_errors
from oss_audio.values import as_batch, as_number, as_percent, as_text
from oss_audio_core.catalogue import batches
from oss_audio_core.pipeline.reporting import Report, build_report, render, write_report
from oss_audio_core.pipeline.run_note import run_note


class OSSAudioReportOperator(OSSAudioOperator):
    """Report a batch in the task log and as a Markdown file; fail the run if too many conversions failed.

    With `trigger_rule="all_done"` it also reports a batch of which a task failed. After the report it fails, too, if a
    task failed or a conversion is not finished.

    Args:
        batch: the value that `OSSAudioListOperator` returned.
        reports: folder of the Markdown file; empty: no file.
        failure_threshold: percent of the batch's conversions that may fail before the task fails.
        max_failures: number of them that may fail before the task fails. None: only the percentage counts.
    """

    template_fields: Sequence[str] = ("batch", "reports", "failure_threshold", "max_failures")

    def __init__(
        self,
        *,
        batch: Any,
        reports: str | None = REPORTS,
        failure_threshold: Any = FAILURE_THRESHOLD,
        max_failures: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.batch = batch
        self.reports = reports
        self.failure_threshold = failure_threshold
        self.max_failures = max_failures

    def execute(self, context: Context) -> dict[str, Any]:
        """Report. Returns the report's counts."""
        failed = self._failed_before(context)
        try:
            return self._report(failed)
        except AirflowFailException as error:
            causes = "".join(f" {cause}" for cause in _causes(context, failed))
            leave(TASK_NOTE, f"{error}{causes}")
            raise AirflowFailException(f"{error}{causes}") from None

    def _report(self, failed: Mapping[str, str]) -> dict[str, Any]:
        threshold = as_percent("failure_threshold", self.failure_threshold)
        most = as_number("max_failures", self.max_failures)
        if most is not None and most < 0:
            raise AirflowFailException(f"max_failures is {most}: give 0 or more, or nothing for no limit")
        if self.batch is None:
            raise AirflowFailException("there is nothing to report: the first task failed.")
        batch = as_batch(self.batch)
        with translate_errors("Reporting the batch"), self.catalogue() as catalogue:
            report = build_report(catalogue, *batch)
            with catalogue.write() as connection:
                batches.end_batch(connection, *batch)
        self.log.info("Report\n%s", render(report))
        leave(RUN_NOTE, run_note(report))
        self._write(report)
        self._judge(report, failed, threshold, most)
        return report.summary()

    def _write(self, report: Report) -> None:
        if folder := as_text(self.reports):
            try:
                self.log.info("Written to %s", write_report(report, Path(folder)))
            except OSError as error:
                # The renditions are published and the log has the report: no reason to fail the run.
                self.log.warning("The report can't be written to %s (%s): give a folder, or none", folder, error)

    @staticmethod
    def _judge(report: Report, failed: Mapping[str, str], threshold: float, most: int | None) -> None:
        """Fail for what is not finished, for tasks that failed, and for too many failures, in this order.

        Raises:
            AirflowFailException: naming the first that holds, and what to do.
        """
        if report.batch.planned_at is None and not report.batch.dry_run:
            raise AirflowFailException("the batch was never planned; clear the task that was to plan it.")
        if report.unfinished:
            raise AirflowFailException(
                f"{report.unfinished} of {report.wanted} conversions are not finished; clear the tasks that "
                "failed, with their downstream, and they go on where they stopped."
            )
        if failed:
            raise AirflowFailException(f"the batch is reported, but these tasks failed: {', '.join(failed)}.")
        counts = f"{report.failures.count} of {report.wanted} conversions failed"
        where = "their reasons are in the report above and in the catalogue"
        if report.failed_percent > threshold:
            more = f"{report.failed_percent:.6g} %, more than the threshold of {threshold:.6g} %"
            raise AirflowFailException(f"{counts} ({more}); {where}")
        if most is not None and report.failures.count > most:
            raise AirflowFailException(f"{counts} (more than the limit of {most}); {where}")

    def _failed_before(self, context: Context) -> dict[str, str]:
        """The upstream tasks that failed, by name with their map index: this task runs whatever their outcome.

        Returns:
            The task id of each, without its map index.
        """
        before = self.get_flat_relative_ids(upstream=True)
        if not before:
            return {}
        run = context["dag_run"]
        found = context["ti"].get_task_states(dag_id=run.dag_id, task_ids=sorted(before), run_ids=[run.run_id])
        states: dict[str, str | None] = found.get(run.run_id, {})
        names = sorted(name for name, state in states.items() if state in {"failed", "upstream_failed"})
        return {name: name if name in before else name.rpartition("_")[0] for name in names}


def _causes(context: Context, failed: Mapping[str, str]) -> list[str]:
    """What the failed tasks said last, each sentence once."""
    said: dict[str, None] = {}
    for task_id in dict.fromkeys(failed.values()):
        sentences = context["ti"].xcom_pull(task_ids=[task_id], key=TASK_NOTE) or []
        said.update(dict.fromkeys(f"`{task_id}`: {sentence}" for sentence in sentences if sentence))
    return list(said)
