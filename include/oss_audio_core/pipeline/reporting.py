"""The report of a batch: counts, sums and failures with their reasons, for the task log and as a Markdown file."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from oss_audio_core.catalogue import batches, conversions, reports
from oss_audio_core.catalogue.batches import Batch
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.reports import Failures, Files, Volume
from oss_audio_core.catalogue.states import ACTIVE, State
from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.rendition_spec import clipped
from oss_audio_core.pipeline.verification_figures import Exported, Figures, export_of, figures_of
from oss_audio_core.text.escaping import for_markdown

LISTED_SKIPPED = 1000
"""Most skipped conversions that the report lists one by one: among them are refused targets, each for a person."""

LISTED_FAILURES = 200
"""Most failures that the report lists one by one; all are counted by reason."""

LONGEST_NAME = 252
"""Most bytes of a report's name: file systems allow 255, and the ending has three."""

DIGITS = 8
"""Hexadecimal digits of a digest in a report's name."""


@dataclass(frozen=True)
class Report:
    """The report of one batch.

    Attributes:
        states: number of its conversions by state.
        files: its sources, by what became of them.
        failures: its conversions that failed.
        skipped: its conversions that were not to be made, such as those of refused targets.
        known: failed conversions of earlier batches.
        volume: the sums over the renditions that it published.
        figures: sums of verification.
        export: the batch's Parquet file, if one was written.
    """

    batch: Batch
    states: Counter[State]
    files: Files
    failures: Failures
    skipped: Failures
    known: Failures
    volume: Volume
    figures: Figures
    export: Exported | None

    @property
    def wanted(self) -> int:
        """Number of conversions that the batch wanted."""
        return self.states.total()

    @property
    def unfinished(self) -> int:
        """Number of conversions that are not over yet."""
        return sum(self.states[state] for state in ACTIVE)

    @property
    def failed_percent(self) -> float:
        """Share of the batch's conversions that failed, 0 to 100."""
        return 100 * self.failures.count / self.wanted if self.wanted else 0.0

    def summary(self) -> dict[str, int]:
        """The counts for XCom."""
        return {
            "listed": self.batch.listed,
            "wanted": self.wanted,
            "published": self.states[State.PUBLISHED],
            "failed": self.failures.count,
            "skipped": self.skipped.count,
            "known_failures": self.known.count,
        }


def build_report(catalogue: Catalogue, batch_id: int, uid: str | None = None) -> Report:
    """Read a batch's report from the catalogue alone.

    Args:
        catalogue: the open catalogue.
        batch_id: of the batch.
        uid: the batch's own, where it is known: an id may be given again.
    """
    with catalogue.read() as connection:
        batch = batches.get_batch(connection, batch_id, uid)
        request = BatchRequest.from_json(batch.params)
        return Report(
            batch=batch,
            states=Counter(conversions.count_states(connection, batch_id)),
            files=reports.files_of_batch(connection, batch_id),
            failures=reports.failures_of_batch(connection, batch_id, limit=LISTED_FAILURES),
            skipped=reports.skipped_of_batch(connection, batch_id, limit=LISTED_SKIPPED),
            known=reports.known_failures(
                connection,
                batch_id,
                bucket=request.bucket,
                prefixes=request.prefixes,
                profiles=_names(request),
                limit=LISTED_FAILURES,
            ),
            volume=reports.volume_of_batch(connection, batch_id),
            figures=figures_of(connection, batch_id),
            export=export_of(connection, batch_id),
        )


def _names(request: BatchRequest) -> list[str]:
    """Names of the batch's renditions, by its request alone: a profile's file may be gone by now."""
    if request.single is not None:
        return [spec.name for spec in request.specs()]
    return [clipped(name, request.start, request.duration) for name in request.profiles]


def write_report(report: Report, folder: Path) -> Path:
    """Write the report as Markdown into a folder, created if it is missing. The file is named after the batch."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_file_name(report.batch.name)}.md"
    path.write_text(render(report), encoding="utf-8")
    return path


def _file_name(name: str) -> str:
    """A run's name with characters replaced that a file name can't have. Ids of DAGs may have letters of any script.

    The digest distinguishes names that differ only in what was replaced.
    """
    readable = re.sub(r"[^\w.-]+", "_", name)
    ending = f"-{hashlib.sha256(name.encode()).hexdigest()[:DIGITS]}"
    # Of a long name the end is kept: it distinguishes the runs of a DAG.
    return readable.encode()[len(ending) - LONGEST_NAME :].decode(errors="ignore") + ending


def render(report: Report) -> str:
    """The report as Markdown."""
    batch = report.batch
    lines = [
        f"# Batch {for_markdown(batch.name)}",
        "",
        *_asked_for(batch),
        f"{batch.listed} sources listed. Of {report.files.wanted} files, {report.files.failed} failed.",
        "",
        f"{report.wanted} conversions wanted, "
        f"**{report.states[State.PUBLISHED]} published, {report.failures.count} failed**.",
        "",
        f"{report.volume.seconds_in / 60:.1f} minutes in, {report.volume.seconds_out / 60:.1f} minutes out; "
        f"{shown_bytes(report.volume.bytes_in)} in, {shown_bytes(report.volume.bytes_out)} out.",
        "",
        *_verification(report.figures),
        *_export(report.export),
        *_table("Planned because", batch.decisions),
        *_table("Left out while listing", batch.passed_over),
        *_table("Ended as", {state.value: count for state, count in sorted(report.states.items())}),
        *_table("Quarantined by check", report.figures.quarantined),
        *_failures("Failures", report.failures),
        *_skipped(report.skipped),
        *_failures("Known failures of earlier batches", report.known),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _verification(figures: Figures) -> list[str]:
    """A line about how the published renditions were verified."""
    if not figures.verified:
        return []
    words = {"decode": "decoded", "probe": "probed"}
    how = ", ".join(f"{count} {words.get(name, name)}" for name, count in figures.verified.items())
    loudness = ""
    if figures.loudness is not None:
        low, high = figures.loudness
        loudness = f"; loudness {low:.1f} to {high:.1f} LUFS"
    return [f"Verified: {how}{loudness}.", ""]


def _export(export: Exported | None) -> list[str]:
    return [] if export is None else [f"Exported: {for_markdown(export.uri)}, {export.rows} rows.", ""]


def _asked_for(batch: Batch) -> list[str]:
    """A line about the request of the batch, and one for a dry run."""
    request = BatchRequest.from_json(batch.params)
    places = ", ".join(for_markdown(f"oss://{request.bucket}/{prefix}") for prefix in request.prefixes)
    names = ", ".join(map(for_markdown, _names(request)))
    lines = [
        f"{places} as {names}, begun {batch.created_at:%Y-%m-%d %H:%M} UTC.",
        "",
    ]
    if batch.dry_run:
        lines += ["**Dry run: nothing was submitted.** What would have been is in the log of task `plan`.", ""]
    return lines


def _table(title: str, counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    rows = (f"| {for_markdown(name)} | {count} |" for name, count in counts.items())
    return [f"| {title} | |", "|---|---:|", *rows, ""]


def _failures(title: str, failures: Failures) -> list[str]:
    if not failures.count:
        return []
    lines = [f"## {title}", "", *_table("Reason", dict(failures.reasons.most_common()))]
    lines += ["| Source | Profile | Attempt | Reason |", "|---|---|---:|---|"]
    for row in failures.rows:
        reason = f"{for_markdown(row.code or 'unknown')}: {for_markdown(row.message or 'no reason given')}"
        if row.given_up:
            reason += " (no attempts left)"
        elif row.retry_at is not None:
            reason += f" (next try after {row.retry_at:%Y-%m-%d %H:%M} UTC)"
        source, profile = for_markdown(f"oss://{row.bucket}/{row.key}"), for_markdown(row.profile)
        lines.append(f"| {source} | {profile} | {row.attempt} | {reason} |")
    if failures.count > len(failures.rows):
        lines += ["", f"… and {failures.count - len(failures.rows)} more; the catalogue has them all."]
    return [*lines, ""]


def _skipped(skipped: Failures) -> list[str]:
    if not skipped.count:
        return []
    lines = ["## Skipped", "", *_table("Reason", dict(skipped.reasons.most_common()))]
    lines += ["| Source | Profile | Reason |", "|---|---|---|"]
    for row in skipped.rows:
        reason = f"{for_markdown(row.code or 'unknown')}: {for_markdown(row.message or 'no reason given')}"
        source = for_markdown(f"oss://{row.bucket}/{row.key}")
        lines.append(f"| {source} | {for_markdown(row.profile)} | {reason} |")
    if skipped.count > len(skipped.rows):
        more = skipped.count - len(skipped.rows)
        lines += ["", f"… and {more} more; `oss-audio catalogue list --state skipped` has them all."]
    return [*lines, ""]


def shown_bytes(count: int) -> str:
    """A size as a person reads it: `4.2 MiB`."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
