"""Verification trusts nothing: neither that the source is still what was planned, nor what lies at the staging key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from include.catalogue import State, checks
from include.pipeline.measures import Measures

if TYPE_CHECKING:
    from tests.include.pipeline.conftest import Proxy, Steps

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
        found = checks.of_attempt(connection, row.this_attempt)
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


@pytest.mark.parametrize("probed_before", [False, True])
def test_a_source_that_changed_after_planning_is_superseded(steps: Steps, wav: Wav, probed_before: bool) -> None:
    steps.put("a.wav", wav(0.3))
    if probed_before:
        earlier = steps.to_converted("voice-amr-nb")
        assert steps.verify(earlier) == {"verified": 1}
    batch = steps.to_converted("mobile-mp3")
    steps.put("a.wav", wav(0.4))
    assert steps.verify(batch) == {"superseded": 1}
    row = steps.rows(batch)[0]
    assert row.message == f"the source changed after it was planned (ETag {row.etag})"
    # The next night plans it anew, from what is there now.
    again = steps.to_converted("mobile-mp3")
    assert steps.verify(again) == {"verified": 1}
    assert steps.rows(again)[0].generation == 2


@pytest.mark.parametrize("probed_before", [False, True])
def test_a_source_that_was_removed_after_planning_is_superseded(steps: Steps, wav: Wav, probed_before: bool) -> None:
    steps.put("a.wav", wav())
    if probed_before:
        assert steps.verify(steps.to_converted("voice-amr-nb")) == {"verified": 1}
    batch = steps.to_converted("mobile-mp3")
    steps.oss.bucket(steps.bucket).delete_object(steps.prefix + "a.wav")
    assert steps.verify(batch) == {"superseded": 1}
    assert "was removed" in (steps.rows(batch)[0].message or "")


def test_a_truncated_source_is_told_apart_from_a_wrong_output(steps: Steps, wav: Wav) -> None:
    whole = wav(2.0, 44100, 2)
    steps.put("whole.wav", whole)
    steps.to_converted("mobile-mp3")
    output = the_output(steps)
    steps.prefix += "truncated/"
    steps.put("a.wav", whole[: len(whole) // 2])
    batch = steps.plan("mobile-mp3")
    # As if the service had taken it: what it made would be whole, and of half a source.
    key = f".staging/{steps.prefix}1.mp3"
    steps.oss.bucket(steps.bucket).put_object(key, output)
    steps.change(state="converted", output_bucket=steps.bucket, output_key=key)
    steps.verify(batch)
    (row,) = steps.rows(batch)
    assert (row.state, row.code) == (State.QUARANTINED, "SourceIncomplete")


def test_several_renditions_of_one_source_fetch_it_once(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    steps.put("a.wav", wav())
    batch = steps.to_converted("mobile-mp3", "voice-amr-nb", "archive-flac", "web-oga")
    assert steps.verify(batch, endpoint=oss_proxy.address) == {"verified": 4}
    fetched = [one for one in oss_proxy.requests if one.startswith("GET ") and "a.wav" in one]
    assert len(fetched) == 1
    with steps.catalogue.read() as connection:
        probe = connection.scalar(sa.text("SELECT probe FROM source"))
    assert probe


@pytest.mark.parametrize("part", ["source", "output"])
def test_a_download_that_breaks_off_leaves_the_row_for_the_next_try_and_the_others_are_verified(
    steps: Steps, wav: Wav, oss_proxy: Proxy, part: str
) -> None:
    import requests

    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav(0.5))
    batch = steps.to_converted("mobile-mp3")
    unlucky = next(one for one in steps.rows() if one.key.endswith("b.wav"))
    marker = unlucky.output_key if part == "output" else unlucky.key
    assert marker is not None
    oss_proxy.spoil(marker.rpartition("/")[2].encode(), lambda whole: whole[:-100])
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        steps.verify(batch, endpoint=oss_proxy.address)
    states = {one.key.rpartition("/")[2]: one.state for one in steps.rows()}
    assert states == {"a.wav": State.VERIFIED, "b.wav": State.CONVERTED, "c.wav": State.VERIFIED}
    assert steps.verify(batch) == {"verified": 1}


@pytest.mark.parametrize("part", ["source", "output"])
def test_an_object_that_oss_refuses_to_give_is_a_row_with_the_reason(
    steps: Steps, wav: Wav, oss_proxy: Proxy, part: str
) -> None:
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav())
    batch = steps.to_converted("mobile-mp3")
    unlucky = next(one for one in steps.rows() if one.key.endswith("b.wav"))
    marker = unlucky.output_key if part == "output" else unlucky.key
    assert marker is not None
    oss_proxy.refuse(marker.rpartition("/")[2].encode(), "403 Forbidden", "InvalidObjectState", "archived")
    assert steps.verify(batch, endpoint=oss_proxy.address) == {"verified": 1, "quarantined": 1}
    (bad,) = [one for one in steps.rows() if one.state is State.QUARANTINED]
    assert (bad.key, bad.code) == (unlucky.key, "InvalidObjectState")
    assert bad.message == "OSS refuses to give the source or the output: archived"


@pytest.mark.parametrize(
    ("status", "code"), [("403 Forbidden", "AccessDenied"), ("500 Internal Server Error", "InternalError")]
)
def test_a_refusal_that_every_object_would_meet_judges_nothing(
    steps: Steps, wav: Wav, oss_proxy: Proxy, status: str, code: str
) -> None:
    import oss2

    steps.put("a.wav", wav())
    batch = steps.to_converted("mobile-mp3")
    oss_proxy.refuse(b"GET ", status, code)
    with pytest.raises(oss2.exceptions.ServerError):
        steps.verify(batch, endpoint=oss_proxy.address)
    assert steps.row().state is State.CONVERTED


def test_an_unreachable_endpoint_judges_nothing(steps: Steps, wav: Wav, closed_port: int) -> None:
    import oss2

    steps.put("a.wav", wav())
    batch = steps.to_converted("mobile-mp3")
    with pytest.raises(oss2.exceptions.RequestError):
        steps.verify(batch, endpoint=f"http://127.0.0.1:{closed_port}", connect_timeout=0.2)
    assert steps.row().state is State.CONVERTED


def test_a_verifier_that_was_overtaken_changes_nothing(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    steps.put("a.wav", wav())
    batch = steps.to_converted("mobile-mp3")
    output = steps.row().output_key
    assert output is not None

    def overtaken(_: bytes) -> bytes:
        assert steps.verify(batch) == {"verified": 1}
        assert steps.publish(batch) == {"published": 1}
        return the_source_is_gone

    # While it fetches the source, another run verifies and publishes, and then somebody removes the source.
    the_source_is_gone = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    oss_proxy.spoil(quote(steps.prefix + "a.wav", safe="").encode(), overtaken, forward=False)
    assert steps.verify(batch, endpoint=oss_proxy.address) == {"published": 1}
    assert steps.row().state is State.PUBLISHED
