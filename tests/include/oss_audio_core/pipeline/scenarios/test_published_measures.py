"""What publishing enters of a rendition, what it puts beside it, and how many requests that is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import AudioConvert, Profile, VerifyPolicy
from oss_audio_core.catalogue.schema import rendition
from oss_audio_core.pipeline.measures import Measures

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps
    from tests.include.oss_audio_core.pipeline.proxy import Proxy

Wav = Callable[..., bytes]


def flac(**policy: Any) -> Profile:
    return Profile(
        name="flac",
        description="",
        convert=AudioConvert(f="flac"),
        target_key="out/{dirname}/{barename}.flac",
        verify=VerifyPolicy(**policy),
    )


def published(steps: Steps, wav: Wav, profile: Profile, seconds: float = 1.5) -> Any:
    """The one rendition's row, after its way through all steps."""
    steps.put("a.wav", wav(seconds, 44100, 2))
    batch = steps.to_converted(profiles=[profile])
    assert steps.verify(batch, profile) == {"verified": 1}
    assert steps.publish(batch) == {"published": 1}
    with steps.catalogue.read() as connection:
        return connection.execute(sa.select(rendition)).one()


def measured(steps: Steps) -> Measures:
    return Measures.from_json(steps.rows()[-1].measured or {})


def test_a_decoded_rendition_has_every_measure(steps: Steps, wav: Wav) -> None:
    row = published(steps, wav, flac(policy="decode"))
    found = measured(steps).decoded()
    assert found is not None
    there = steps.oss.bucket(row.bucket).head_object(row.key)
    assert (row.container, row.codec, row.sample_rate, row.channels, row.bits_per_sample) == (
        "flac",
        "flac",
        44100,
        2,
        16,
    )
    assert (row.samples, row.duration, row.duration_exact) == (66150, 1.5, True)
    assert (row.verification, row.content_type) == ("decode", there.content_type)
    assert row.crc64 == str(there.server_crc)
    assert row.loudness_lufs == found.integrated is not None
    assert row.true_peak_dbtp == found.true_peak is not None
    assert row.loudness_range_lu == found.loudness_range
    assert (row.sample_peak_dbfs, row.silence_head, row.silence_tail) == (
        found.sample_peak,
        found.silence_head,
        found.silence_tail,
    )
    assert row.waveform == measured(steps).waveform
    assert (row.waveform_uri, row.picture_uri) == (None, None)


def test_a_probed_rendition_has_a_duration_that_is_not_exact_and_no_levels(steps: Steps, wav: Wav) -> None:
    row = published(steps, wav, flac(policy="probe"))
    assert (row.verification, row.duration_exact, row.samples) == ("probe", False, None)
    assert row.duration == pytest.approx(1.5)
    assert {row.loudness_lufs, row.true_peak_dbtp, row.sample_peak_dbfs, row.silence_head, row.waveform} == {None}


def test_tags_and_content_type_come_with_the_copy(steps: Steps, wav: Wav) -> None:
    row = published(steps, wav, flac())
    tags = steps.oss.bucket(row.bucket).get_object_tagging(row.key).tag_set.tagging_rule
    source = {"source-etag": steps.row().etag}
    assert row.tags == tags == {"verified": "true", "profile": "flac", **source, "catalogue": steps.catalogue_uid}


def test_a_rendition_costs_a_look_and_a_copy_and_a_batch_one_delete(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    for number in range(3):
        steps.put(f"{number}.wav", wav(0.2))
    batch = steps.to_converted("mobile-mp3")
    assert steps.verify(batch) == {"verified": 3}
    assert steps.publish(batch, endpoint=oss_proxy.address) == {"published": 3}
    assert sorted(one.split()[0] for one in oss_proxy.requests) == ["HEAD"] * 3 + ["POST"] + ["PUT"] * 3


def test_sidecars_are_published_beside_the_rendition(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    profile = flac(policy="decode", waveform="beside", picture="spectrogram")
    steps.put("a.wav", wav(1.0))
    batch = steps.to_converted(profiles=[profile])
    assert steps.verify(batch, profile) == {"verified": 1}
    staged = steps.row().output_key or ""
    assert len(steps.keys(staged)) == 3
    assert steps.publish(batch, endpoint=oss_proxy.address) == {"published": 1}
    # The look at the final key comes first: where the rendition can't stand, its sidecars don't, either.
    assert sorted(one.split()[0] for one in oss_proxy.requests) == ["HEAD"] * 4 + ["POST"] + ["PUT"] * 3
    with steps.catalogue.read() as connection:
        row = connection.execute(sa.select(rendition)).one()
    beside = [f"{row.key}.spectrogram.png", f"{row.key}.waveform.json"]
    assert steps.keys(row.key) == [row.key, *beside]
    assert [row.picture_uri, row.waveform_uri] == [f"oss://{row.bucket}/{key}" for key in beside]
    picture, waveform = (steps.get(key) for key in beside)
    assert (picture.headers["Content-Type"], waveform.headers["Content-Type"]) == ("image/png", "application/json")
    assert json.loads(waveform.read())["sample_rate"] == 8000
    assert picture.read().startswith(b"\x89PNG")
    assert steps.keys(staged) == []


def test_sidecars_of_a_replaced_rendition_are_removed(steps: Steps, wav: Wav) -> None:
    first = published(steps, wav, flac(policy="decode", waveform="beside", picture="waveform"))
    second = published(steps, wav, flac(policy="decode", waveform="beside", picture="spectrogram"), seconds=1.0)
    assert first.key == second.key
    assert steps.keys(first.key) == [first.key, f"{first.key}.spectrogram.png", f"{first.key}.waveform.json"]
    third = published(steps, wav, flac(policy="decode", waveform="off"), seconds=0.7)
    assert (third.waveform_uri, third.picture_uri) == (None, None)
    assert steps.keys(first.key) == [first.key]


def test_a_waveform_that_is_gone_is_a_row_with_the_reason(steps: Steps, wav: Wav) -> None:
    profile = flac(policy="decode", waveform="beside")
    steps.put("a.wav", wav(1.0))
    batch = steps.to_converted(profiles=[profile])
    assert steps.verify(batch, profile) == {"verified": 1}
    steps.oss.bucket(steps.bucket).delete_object(f"{steps.row().output_key}.waveform.json")
    assert steps.publish(batch) == {"quarantined": 1}
    assert steps.row().code == "OutputChanged"
    assert steps.keys(steps.row().target_key) == []


def test_what_was_written_in_place_has_its_waveform_there_already(steps: Steps, wav: Wav) -> None:
    profile = Profile(
        name="flac",
        description="",
        convert=AudioConvert(f="flac"),
        target_key="out/{dirname}/{barename}.flac",
        publish="direct",
        verify=VerifyPolicy(policy="decode", waveform="beside"),
    )
    row = published(steps, wav, profile)
    assert row.waveform_uri == f"oss://{row.bucket}/{row.key}.waveform.json"
    assert steps.keys(row.key) == [row.key, f"{row.key}.waveform.json"]
    assert row.tags is None
