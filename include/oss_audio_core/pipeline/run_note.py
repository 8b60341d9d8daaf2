"""A batch in a few lines: for the note of its run, where people look first."""

from __future__ import annotations

from oss_audio_core.pipeline.reporting import Report, shown_bytes
from oss_audio_core.text.escaping import for_log

LONGEST = 1000
"""Most characters of a note in Airflow."""

REASONS = 3
"""How many reasons are named, the most frequent first."""


def run_note(report: Report) -> str:
    """The counts in files and conversions, the most frequent reasons, and what was saved."""
    files = report.files
    if report.batch.dry_run:
        return f"Dry run: {report.batch.listed} sources listed, nothing was submitted."
    if not files.wanted:
        return f"{report.batch.listed} sources listed, nothing new to convert."
    parts = [
        f"{count} {word}"
        for count, word in (
            (files.published, "published"),
            (files.failed, "failed"),
            (files.unfinished, "unfinished"),
            (files.skipped, "skipped"),
        )
        if count
    ]
    lines = [f"{files.wanted} files: {', '.join(parts)}."]
    if report.failures.count:
        named = ", ".join(f"{for_log(code)} {count}" for code, count in report.failures.reasons.most_common(REASONS))
        more = len(report.failures.reasons) - REASONS
        lines.append(
            f"{report.failures.count} of {report.wanted} conversions failed ({report.failed_percent:.3g} %): {named}"
            + (f", and {more} more reasons." if more > 0 else ".")
        )
    volume = report.volume
    if volume.saved_percent is not None:
        sizes = f"{shown_bytes(volume.bytes_out)} in place of {shown_bytes(volume.bytes_replaced)}"
        lines.append(f"{volume.saved_percent:.0f} % saved: {sizes}.")
    return "\n".join(lines)[:LONGEST]
