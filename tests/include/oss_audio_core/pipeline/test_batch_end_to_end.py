"""A batch from listing to published renditions, on the real local cloud with real FFmpeg."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import FORMATS
from oss_audio_core.catalogue import Catalogue, State, open_catalogue, reports
from oss_audio_core.catalogue.schema import rendition

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

Wav = Callable[..., bytes]

ALL_FORMATS = (
    "mobile-mp3",
    "streaming-aac-128k",
    "archive-flac",
    "web-oga",
    "broadcast-ac3",
    "podcast-opus",
    "voice-amr-nb",
    "voice-amr-wb",
)


@pytest.fixture
def catalogue(catalogue_url: sa.URL) -> Iterator[Catalogue]:
    """On each database: their locks and transactions differ."""
    opened = open_catalogue(catalogue_url)
    yield opened
    opened.close()


def test_every_format_comes_out_verified_and_the_second_night_submits_nothing(steps: Steps, wav: Wav) -> None:
    steps.put("a b/曲.wav", wav(1.0, 44100, 2))
    steps.put("mono.wav", wav(1.5, 22050, 1))
    whole = wav(2.0)
    steps.put("truncated.wav", whole[: len(whole) // 2])
    steps.put("text.mp3", b"this is text\n" * 50)

    batch = steps.plan(*ALL_FORMATS)
    assert steps.submit(batch) == {"accepted": 32}
    progress = steps.wait(batch)
    assert (progress.in_flight, progress.converted, progress.failed) == (0, 16, 16)
    assert steps.verify(batch) == {"verified": 16}
    assert steps.publish(batch) == {"published": 16}

    with steps.catalogue.read() as connection:
        failures = reports.failures_of_batch(connection, batch, limit=10)
        entered = connection.execute(sa.select(rendition)).all()
    ended = {
        state: {one.key.removeprefix(steps.prefix) for one in steps.rows() if one.state is state} for state in State
    }
    assert ended[State.PUBLISHED] == {"a b/曲.wav", "mono.wav"}
    assert ended[State.FAILED] == {"truncated.wav", "text.mp3"}
    assert (failures.count, len(failures.rows)) == (16, 10)
    assert all(row.code and row.message for row in failures.rows)
    assert {one.codec for one in entered} == {"mp3", "aac", "flac", "vorbis", "ac3", "opus", "amr_nb", "amr_wb"}
    rates = {one.profile: (one.sample_rate, one.channels) for one in entered}
    assert (rates["podcast-opus"], rates["voice-amr-nb"], rates["voice-amr-wb"]) == ((48000, 1), (8000, 1), (16000, 1))
    for one in entered:
        there = steps.oss.bucket(one.bucket).head_object(one.key)
        assert (there.etag, there.content_length) == (one.etag, one.size)

    second = steps.plan(*ALL_FORMATS)
    assert steps.submit(second) == {}
    assert len(steps.accepted()) == 32


def test_a_published_rendition_has_type_and_tags_and_leaves_no_staging_behind(steps: Steps, wav: Wav) -> None:
    steps.put("曲.wav", wav())
    batch = steps.to_converted("web-oga")
    staged = steps.row().output_key
    assert staged is not None
    assert steps.keys(staged) == [staged]
    steps.verify(batch)
    steps.publish(batch)
    row = steps.row()
    bucket = steps.oss.bucket(row.target_bucket)
    assert row.target_key == f"renditions/web-oga/{steps.prefix}曲.oga"
    assert bucket.head_object(row.target_key).content_type == FORMATS["oga"].content_type
    assert bucket.get_object_tagging(row.target_key).tag_set.tagging_rule == {
        "verified": "true",
        "profile": "web-oga",
        "source-etag": row.etag,
        "catalogue": steps.catalogue_uid,
    }
    assert steps.keys(staged.rpartition("/")[0] + "/") == []
    assert row.output_key is None
    assert steps.publish(batch) == {}


def test_a_second_batch_joins_the_first_and_sees_its_conversion_through(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    first = steps.plan("mobile-mp3")
    steps.submit(first)
    second = steps.plan("mobile-mp3")
    assert [one.id for one in steps.rows(second)] == [one.id for one in steps.rows(first)]
    assert steps.submit(second) == {}
    # The first one's process is gone: the second does everything, and reads what the first was told.
    assert steps.wait(second).converted == 1
    assert steps.verify(second) == {"verified": 1}
    assert steps.publish(second) == {"published": 1}
    assert steps.wait(first).converted == 1
    assert steps.verify(first) == steps.publish(first) == {}
    assert len(steps.accepted()) == 1


def test_a_directly_published_rendition_is_verified_where_it_stands(steps: Steps, wav: Wav) -> None:
    from dataclasses import replace

    steps.put("a.wav", wav())
    direct = replace(steps.profile, publish="direct", target_key="direct/{dirname}/{barename}.mp3")
    batch = steps.to_converted(profiles=[direct])
    row = steps.row()
    assert row.output_key == row.target_key == f"direct/{steps.prefix}a.mp3"
    assert steps.verify(batch) == {"verified": 1}
    assert steps.publish(batch) == {"published": 1}
    assert steps.keys(row.target_key) == [row.target_key]
