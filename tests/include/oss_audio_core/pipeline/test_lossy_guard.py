"""Never degrade: a lossy source gets no rendition with more bits than it has; what is unknown is not spared."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.catalogue import batches
from oss_audio_core.catalogue.schema import conversion, source
from oss_audio_core.pipeline import lossy_guard
from oss_audio_core.pipeline.listing import list_sources
from oss_audio_core.pipeline.lossy_guard import degrades, probe_lossy_sources
from oss_audio_core.pipeline.plan_options import PlanOptions
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.selection import Selection
from oss_local_cloud.imm.engine.binaries import locate

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps


@pytest.mark.parametrize(
    ("process", "codec", "bitrate", "expected"),
    [
        ("audio/convert,f_mp3,ab_128000", "mp3", 64_000, True),
        ("audio/convert,f_mp3,ab_64000", "mp3", 64_000, False),
        ("audio/convert,f_aac,ab_96000", "vorbis", 64_000, True),
        ("audio/convert,f_flac", "mp3", 64_000, False),
        ("audio/convert,f_mp3,aq_50", "mp3", 64_000, False),
        ("audio/convert,f_mp3,ab_128000", "pcm_s16le", 64_000, False),
        ("audio/convert,f_mp3,ab_128000", "flac", 64_000, False),
        ("audio/convert,f_mp3,ab_128000", None, 64_000, False),
        ("audio/convert,f_mp3,ab_128000", "mp3", None, False),
    ],
)
def test_the_rule(process: str, codec: str | None, bitrate: int | None, expected: bool) -> None:
    assert degrades(AudioConvert.parse(process), codec, bitrate) is expected


def plan(steps: Steps, name: str, profiles: list[Profile], *, never_degrade: bool) -> dict[str, int]:
    selection = Selection(steps.bucket, (steps.prefix,), exclude=("out/*",))
    with steps.catalogue.write() as connection:
        batch = batches.open_batch(connection, f"{steps.prefix}{name}", {})
    list_sources(steps.catalogue, steps.oss.bucket(steps.bucket), selection, batch.id)
    if never_degrade:
        probe_lossy_sources(steps.catalogue, steps.oss, batch.id)
    return dict(
        plan_batch(steps.catalogue, selection, profiles, batch.id, PlanOptions(never_degrade=never_degrade)).decisions
    )


def test_a_night_that_never_degrades(steps: Steps, mp3: Profile, wav: Callable[..., bytes], tmp_path: Path) -> None:
    poor = tmp_path / "poor.mp3"
    tone = ["-f", "lavfi", "-i", "sine=440:duration=20:sample_rate=44100"]
    subprocess.run([locate().ffmpeg, "-nostdin", "-v", "error", *tone, "-b:a", "32000", poor], check=True)
    steps.put("poor.mp3", poor.read_bytes())
    steps.put("noise.mp3", b"no audio at all" * 3000)
    steps.put("good.wav", wav())
    rich = replace(mp3, name="rich", convert=AudioConvert(f="mp3", ab=128000), target_key="out/{key}.rich.mp3")
    modest = replace(mp3, name="modest", convert=AudioConvert(f="mp3", ab=24000), target_key="out/{key}.modest.mp3")
    decided = plan(steps, "1", [rich, modest], never_degrade=True)
    assert decided == {"new": 5, "would degrade": 1}
    with steps.catalogue.read() as connection:
        (row,) = connection.execute(sa.select(conversion).where(conversion.c.state == "skipped")).all()
        looked = connection.execute(sa.select(source.c.key, source.c.codec).where(source.c.codec.is_not(None))).all()
    assert (row.key, row.profile, row.code) == (f"{steps.prefix}poor.mp3", "rich", "WouldDegrade")
    assert "the source is mp3 of about 32" in row.message
    assert [(one.key, one.codec) for one in looked] == [(f"{steps.prefix}poor.mp3", "mp3")]
    # The next night skips it without a look; when the rule is off it is made after all.
    assert plan(steps, "2", [rich], never_degrade=True) == {"joined": 2}
    assert plan(steps, "3", [rich], never_degrade=False) == {"joined": 2, "new": 1}


@pytest.mark.parametrize("kind", ["mp3", "m4a", "wmv", "mka"])
def test_pictures_and_video_are_no_bits_of_the_audio(kind: str, steps: Steps, mp3: Profile, tmp_path: Path) -> None:
    tone = ("-f", "lavfi", "-i", "sine=440:duration=20:sample_rate=44100")
    noise = ("-f", "lavfi", "-i", "nullsrc=size=800x800:rate=25,geq=random(1)*255:128:128")
    video = ("-frames:v", "1", "-c:v", "mjpeg", "-q:v", "2", "-disposition:v", "attached_pic")
    if kind == "wmv":
        video = ("-c:v", "wmv2", "-b:v", "500k", "-t", "20", "-s", "160x120")
    if kind == "mka":
        # Its header tells no bitrate of the audio, so it is not spared.
        video = ("-c:v", "mpeg4", "-t", "20", "-s", "160x120", "-f", "matroska")
    codec = {"mp3": "libmp3lame", "mka": "libopus", "m4a": "aac", "wmv": "wmav2"}[kind]
    pictured = tmp_path / f"pictured.{kind}"
    audio = ("-c:a", codec, "-b:a", "48000")
    inputs = (*tone, *noise, "-map", "0", "-map", "1")
    subprocess.run([locate().ffmpeg, "-nostdin", "-v", "error", *inputs, *audio, *video, pictured], check=True)
    assert pictured.stat().st_size > 20 * 96000 / 8
    steps.put(f"pictured.{kind}", pictured.read_bytes())
    rich = replace(mp3, name="rich", convert=AudioConvert(f="mp3", ab=96000), target_key="out/{key}.rich.mp3")
    decided = plan(steps, "1", [rich], never_degrade=True)
    assert decided == ({"new": 1} if kind == "mka" else {"would degrade": 1})


def test_a_long_listing_is_looked_through_in_pages_each_from_its_first_key(
    steps: Steps, mp3: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lossy_guard, "CHUNK", 2)
    for number in range(5):
        steps.put(f"{number}.mp3", b"no audio at all" * 300)
    seen: list[str] = []

    @sa.event.listens_for(steps.catalogue._engine, "before_cursor_execute")
    def explain(_connection: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if statement.startswith("SELECT listing.") and "LIKE" in statement:
            plan = [row[3] for row in cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)]
            seen.append("; ".join(plan))

    assert plan(steps, "1", [mp3], never_degrade=True) == {"new": 5}
    assert len(seen) == 4
    for told in seen:
        assert "(batch_id=? AND (bucket,key)>(?,?))" in told
        assert "ORDER BY" not in told
