"""The report of a batch: its counts, its sums, and every failure with its reason, as Markdown that stays a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.audio_convert import AudioConvert, VerifyPolicy
from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.reports import Files
from oss_audio_core.pipeline import batch_request, reporting
from oss_audio_core.pipeline.reporting import Report, build_report, render, write_report

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

Wav = Callable[..., bytes]
TOMORROW = datetime(2100, 1, 2, 3, 4, tzinfo=UTC)


def rows_of(markdown: str, title: str) -> list[str]:
    """The table rows below a heading of failures."""
    section = markdown.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    return section.split("| Source | Profile | Attempt | Reason |\n|---|---|---:|---|\n", 1)[1].splitlines()


def test_counts_minutes_and_bytes(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav(3.0))
    steps.put("notes.txt", b"no audio by its name")
    steps.put("bad.wav", b"no audio at all")
    batch = steps.plan("mobile-mp3", "voice-amr-nb")
    steps.submit(batch)
    steps.wait(batch)
    steps.verify(batch)
    steps.publish(batch)
    report = build_report(steps.catalogue, batch)
    assert report.summary() == {
        "listed": 2,
        "wanted": 4,
        "published": 2,
        "failed": 2,
        "skipped": 0,
        "known_failures": 0,
    }
    assert report.failed_percent == 50
    # The source counts once, its two renditions twice.
    assert report.volume.seconds_in == pytest.approx(3.0)
    assert report.volume.seconds_out == pytest.approx(6.0, abs=0.6)
    assert report.volume.bytes_in == len(wav(3.0))
    assert report.volume.bytes_replaced == 2 * len(wav(3.0))
    assert report.files == Files(wanted=2, failed=1, unfinished=0, published=1)
    assert report.volume.bytes_out == sum(
        steps.oss.bucket(steps.bucket).head_object(one.target_key).content_length
        for one in steps.rows()
        if one.state is State.PUBLISHED
    )
    text = render(report)
    assert text.startswith(
        f"# Batch `{steps.prefix}0`\n\n`oss://audio/{steps.prefix}` as mobile-mp3, voice-amr-nb, begun "
    )
    assert "\n\n2 sources listed. Of 2 files, 1 failed.\n\n4 conversions wanted, **2 published, 2 failed**.\n" in text
    assert "Dry run" not in text
    assert "**Dry run: nothing was submitted.**" in render(replace(report, batch=replace(report.batch, dry_run=True)))
    assert "0.1 minutes in, 0.1 minutes out; 46.9 KiB in, " in text
    for line in ("| new | 4 |", "| not audio by its name | 1 |", "| published | 2 |", "| failed | 2 |"):
        assert line in text.splitlines()
    rows = rows_of(text, "Failures")
    assert [row.split(" | ")[:3] for row in rows if row] == [
        [f"| `oss://{steps.bucket}/{steps.prefix}bad.wav`", profile, "1"] for profile in ("mobile-mp3", "voice-amr-nb")
    ]
    assert "known failures" not in text.lower()


def test_verification_in_a_few_figures(steps: Steps, wav: Wav) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav(1.5))
    loud = replace(steps.profile, name="decoded", verify=VerifyPolicy(policy="decode"))
    quick = replace(
        steps.profile,
        name="probed",
        convert=AudioConvert(f="flac"),
        target_key="out/{dirname}/{barename}.flac",
        verify=VerifyPolicy(policy="probe"),
    )
    batch = steps.to_converted(profiles=[loud, quick])
    bad = next(one for one in steps.rows() if one.key.endswith("b.wav") and one.profile == "decoded")
    good = next(one for one in steps.rows() if one.key.endswith("b.wav") and one.profile == "probed")
    steps.oss.bucket(steps.bucket).put_object(bad.output_key, steps.get(str(good.output_key)).read())
    steps.verify(batch, loud, quick)
    steps.publish(batch)
    report = build_report(steps.catalogue, batch)
    assert report.figures.verified == {"decode": 2, "probe": 3}
    assert report.figures.loudness is not None
    low, high = report.figures.loudness
    assert -60 < low <= high < 0
    assert report.figures.quarantined["codec"] == report.figures.quarantined["container"] == 1
    text = render(report)
    assert f"\n\nVerified: 2 decoded, 3 probed; loudness {low:.1f} to {high:.1f} LUFS.\n\n" in text
    assert "| Quarantined by check | |\n|---|---:|\n" in text
    assert "\n| codec | 1 |\n" in text
    assert "Exported" not in text


def test_an_empty_batch_has_a_report(steps: Steps) -> None:
    report = build_report(steps.catalogue, steps.plan("mobile-mp3"))
    assert report.failed_percent == 0
    assert render(report).splitlines() == [
        f"# Batch `{steps.prefix}0`",
        "",
        f"`oss://audio/{steps.prefix}` as mobile-mp3, begun {report.batch.created_at:%Y-%m-%d %H:%M} UTC.",
        "",
        "0 sources listed. Of 0 files, 0 failed.",
        "",
        "0 conversions wanted, **0 published, 0 failed**.",
        "",
        "0.0 minutes in, 0.0 minutes out; 0 B in, 0 B out.",
    ]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("left | right", "`left`&#32;&#124;&#32;`right`"),
        ("one\ntwo\r\nthree", r"`one\ntwo\r\nthree`"),
        ("<img src=x>", "`<img src=x>`"),
        ("![x](https://h/x.png) \x1b[31m", r"`![x](https://h/x.png) \x1b[31m`"),
    ],
)
def test_a_reason_stays_in_its_cell(steps: Steps, wav: Wav, message: str, shown: str) -> None:
    steps.put("a|b<c>.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.change(state="failed", code="SomeCode", message=message, retry_at=TOMORROW)
    (row, *rest) = rows_of(render(build_report(steps.catalogue, batch)), "Failures")
    assert [line for line in rest if line] == []
    source = f"`oss://{steps.bucket}/{steps.prefix}a`&#124;`b<c>.wav`"
    reason = f"SomeCode: {shown} (next try after 2100-01-02 03:04 UTC)"
    assert row == f"| {source} | mobile-mp3 | 1 | {reason} |"


def test_the_dead_get_no_next_try(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.change(state="dead", code="SomeCode", message="beyond help", retry_at=TOMORROW)
    text = render(build_report(steps.catalogue, batch))
    assert "next try" not in text
    assert "SomeCode: beyond help (no attempts left) |" in text


@pytest.mark.parametrize("state", ["failed", "quarantined"])
def test_a_failure_without_attempts_left_has_no_next_try(steps: Steps, wav: Wav, state: str) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.change(state=state, code="SomeCode", message="all in vain", attempt=3, retry_at=TOMORROW)
    row = rows_of(render(build_report(steps.catalogue, batch)), "Failures")[0]
    assert row.endswith("| mobile-mp3 | 3 | SomeCode: all in vain (no attempts left) |")


def test_failures_of_earlier_batches_are_named_apart(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    steps.plan("mobile-mp3")
    steps.change(state="failed", code="SomeCode", message="rests", retry_at=datetime.now(UTC) + timedelta(hours=1))
    report = build_report(steps.catalogue, steps.plan("mobile-mp3"))
    assert report.summary() == {
        "listed": 1,
        "wanted": 0,
        "published": 0,
        "failed": 0,
        "skipped": 0,
        "known_failures": 1,
    }
    text = render(report)
    assert len([row for row in rows_of(text, "Known failures of earlier batches") if row]) == 1
    assert "\n## Failures" not in text


def test_it_reads_no_profile_file_again(steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.put("a.wav", wav())
    clip = {"start": 100, "duration": 100}
    steps.plan("mobile-mp3", **clip)
    steps.change(state="failed", code="SomeCode", message="rests", retry_at=datetime.now(UTC) + timedelta(hours=1))
    batch = steps.plan("mobile-mp3", **clip)
    # The profile is removed from its folder while the night is under way.
    monkeypatch.setattr(batch_request, "load_profiles", dict)
    assert [row.profile for row in build_report(steps.catalogue, batch).known.rows] == ["mobile-mp3.clip-100-200"]


def test_a_flood_of_failures_is_counted_and_cut(steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "LISTED_FAILURES", 2)
    for number in range(5):
        steps.put(f"{number}.wav", wav(0.1))
    batch = steps.plan("mobile-mp3")
    steps.change(state="failed", code="SomeCode", message="all alike")
    text = render(build_report(steps.catalogue, batch))
    assert "| SomeCode | 5 |" in text
    assert text.count("all alike") == 2
    assert "… and 3 more; the catalogue has them all." in text


def test_the_file_is_named_after_the_batch_and_written_again(steps: Steps, tmp_path: Path) -> None:
    report = build_report(steps.catalogue, steps.plan("mobile-mp3"))
    folder = tmp_path / "reports" / "of" / "the night"
    path = write_report(report, folder)
    assert re.fullmatch(rf"{steps.prefix.removesuffix('/')}_0-[0-9a-f]{{8}}\.md", path.name)
    assert path.parent == folder
    assert path.read_text(encoding="utf-8") == render(report)
    assert write_report(report, folder) == path


def named(report: Report, name: str) -> Report:
    return replace(report, batch=replace(report.batch, name=name))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("夜间转码/scheduled__2026-03-01T18:00:00+00:00", "音频归档/scheduled__2026-03-01T18:00:00+00:00"),
        ("a_dag/manual__1:2", "a_dag/manual__1+2"),
        ("a_dag/night/1", "a_dag/night_1"),
        ("夜" * 250 + "/manual__1", "音" * 250 + "/manual__1"),
        ("n" * 250 + "1/" + "r" * 250, "n" * 250 + "2/" + "r" * 250),
    ],
)
def test_two_runs_have_a_report_each(steps: Steps, tmp_path: Path, one: str, other: str) -> None:
    report = build_report(steps.catalogue, steps.plan("mobile-mp3"))
    paths = [write_report(named(report, name), tmp_path) for name in (one, other)]
    titles = [path.read_text(encoding="utf-8").splitlines()[0] for path in paths]
    assert titles == [f"# Batch `{one}`", f"# Batch `{other}`"]


def test_a_name_in_any_script_stays_readable(steps: Steps, tmp_path: Path) -> None:
    report = build_report(steps.catalogue, steps.plan("mobile-mp3"))
    path = write_report(named(report, "夜间-é.v2/manual__2026-03-01T18:00:00+00:00 / again"), tmp_path)
    assert path.name.rpartition("-")[0] == "夜间-é.v2_manual__2026-03-01T18_00_00_00_00_again"
