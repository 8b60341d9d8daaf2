"""Verification trusts nothing: neither that the source is still what was planned, nor what lies at the staging key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from oss_audio_core.catalogue import State, check_results
from oss_audio_core.pipeline.measures import Measures

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

Wav = Callable[..., bytes]


def put_output(steps: Steps, content: bytes) -> None:
    row = steps.row()
    steps.oss.bucket(row.output_bucket).put_object(row.output_key, content)


def the_output(steps: Steps) -> bytes:
    row = steps.row()
    content: bytes = steps.get(row.output_key).read()
    return content


def test_a_verified_output_has_its_measurements_and_checks(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav(0.5, 44100, 2))
    batch = steps.to_converted("mobile-mp3")
    assert steps.verify(batch) == {"verified": 1}
    row = steps.row()
    output = the_output(steps)
    assert row.output_size == len(output)
    assert row.output_etag == steps.oss.bucket(steps.bucket).head_object(row.output_key).etag
    assert row.measured is not None
    measures = Measures.from_json(row.measured)
    measured = measures.probe
    assert (measured.codec, measured.sample_rate, measured.channels) == ("mp3", 44100, 2)
    assert measured.duration == pytest.approx(0.5, abs=0.1)
    with steps.catalogue.read() as connection:
        found = check_results.of_attempt(connection, row.this_attempt)
    passed = {check.name for check in found if check.verdict == "passed"}
    assert {"source", "codec", "sample_rate", "channels", "duration", "size", "bitrate", "head", "tail"} <= passed
    assert {"decode", "checksum", "silence", "clipping", "channels_alive", "stored_bytes"} <= passed
    assert steps.verify(batch) == {}


def wrong_codec(_: Steps, wav: Wav) -> bytes:
    return wav(0.3, 44100, 2)


def truncated(steps: Steps, _: Wav) -> bytes:
    whole = the_output(steps)
    return whole[: len(whole) // 2]


def garbage(_steps: Steps, _wav: Wav) -> bytes:
    return b"\x00\x01garbage" * 500


def empty(_steps: Steps, _wav: Wav) -> bytes:
    return b""


@pytest.mark.parametrize(
    ("damage", "code", "reason"),
    [
        (wrong_codec, "Mismatch", "codec"),
        (truncated, "Mismatch", "duration"),
        (garbage, "Unreadable", "can't be read as audio"),
        (empty, "Unreadable", "can't be read as audio"),
    ],
)
def test_an_output_that_is_not_what_was_asked_is_quarantined(
    steps: Steps, wav: Wav, damage: Callable[[Any, Wav], bytes], code: str, reason: str
) -> None:
    steps.put("a.wav", wav(2.0, 44100, 2))
    batch = steps.to_converted("mobile-mp3")
    put_output(steps, damage(steps, wav))
    assert steps.verify(batch) == {"quarantined": 1}
    row = steps.row()
    assert (row.state, row.code) == (State.QUARANTINED, code)
    assert reason in (row.message or "")
    assert steps.publish(batch) == {}
    assert steps.keys(row.target_key) == []


def test_an_output_that_is_gone_is_quarantined(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.to_converted("mobile-mp3")
    row = steps.row()
    steps.oss.bucket(steps.bucket).delete_object(row.output_key)
    assert steps.verify(batch) == {"quarantined": 1}
    assert steps.row().code == "OutputMissing"
    assert steps.row().message == f"there is no object oss://{steps.bucket}/{row.output_key}"


def test_a_bad_output_leaves_its_neighbours_alone(steps: Steps, wav: Wav) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav())
    batch = steps.to_converted("mobile-mp3")
    bad = next(one for one in steps.rows() if one.key.endswith("b.wav"))
    steps.oss.bucket(steps.bucket).put_object(bad.output_key, b"garbage")
    assert steps.verify(batch) == {"verified": 2, "quarantined": 1}


def test_a_quarantined_conversion_is_tried_again_at_a_key_of_its_own(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.to_converted("mobile-mp3")
    first = steps.row().output_key
    put_output(steps, b"garbage")
    steps.verify(batch)
    again = steps.to_converted("mobile-mp3", retry_now=True)
    row = steps.row()
    assert (row.attempt, row.code, row.message) == (2, None, None)
    assert row.output_key not in {None, first}
    assert steps.verify(again) == {"verified": 1}
    assert len(steps.accepted()) == 2
