"""Trouble while verifying: what is the object's own ends in its row, anything else judges nothing and is raised."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from oss_audio_core.catalogue import State
from oss_audio_core.oss.retry import TRIES
from oss_audio_core.pipeline import circuit_breaker, publishing, verifying
from oss_audio_core.pipeline.scratch_file import ScratchSpaceError
from oss_audio_core.pipeline.verification_errors import OutputNotYet

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Proxy, Steps

Wav = Callable[..., bytes]


def get(steps: Steps, key: str | None) -> bytes:
    """How the request for an object begins."""
    assert key is not None
    return f"GET /{steps.bucket}/{quote(key, safe='')}".encode()


@pytest.mark.parametrize("part", ["source", "output"])
def test_a_download_that_breaks_off_leaves_the_row_for_the_next_try_and_the_others_are_verified(
    steps: Steps, wav: Wav, oss_proxy: Proxy, part: str
) -> None:
    import requests

    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav(0.5))
    batch = steps.to_converted("mobile-mp3")
    unlucky = next(one for one in steps.rows() if one.key.endswith("b.wav"))
    request = get(steps, unlucky.output_key if part == "output" else unlucky.key)
    oss_proxy.spoil(request, lambda whole: whole[:-100])
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
    request = get(steps, unlucky.output_key if part == "output" else unlucky.key)
    oss_proxy.refuse(request, "403 Forbidden", "InvalidObjectState", "archived")
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
    oss_proxy.refuse(b"GET ", status, code, times=TRIES)
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


def six_one_after_the_other(steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch, step: str) -> int:
    """A batch of six that `step` takes one by one, and that ends at the first one without an answer."""
    monkeypatch.setattr(circuit_breaker, "THRESHOLD", 1)
    for module in (verifying, publishing):
        monkeypatch.setattr(module, "CONCURRENCY", 1)
    for number in range(6):
        steps.put(f"{number}.wav", wav())
    batch = steps.to_converted("mobile-mp3")
    if step == "publish":
        assert steps.verify(batch) == {"verified": 6}
    return batch


@pytest.mark.parametrize("step", ["verify", "publish"])
def test_a_step_that_gets_no_answers_any_more_leaves_the_rest_to_its_next_try(
    steps: Steps, wav: Wav, oss_proxy: Proxy, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    import oss2

    batch = six_one_after_the_other(steps, wav, monkeypatch, step)
    oss_proxy.refuse(b" /", "503 Service Unavailable", "ServiceUnavailable", times=1000)
    with pytest.raises(oss2.exceptions.ServerError):
        getattr(steps, step)(batch, endpoint=oss_proxy.address)
    assert len(oss_proxy.requests) <= 2 * TRIES
    assert sum(getattr(steps, step)(batch).values()) == 6


@pytest.mark.parametrize("step", ["verify", "publish"])
def test_a_folder_without_permission_keeps_no_neighbour_from_its_turn(
    steps: Steps, wav: Wav, oss_proxy: Proxy, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    import oss2

    batch = six_one_after_the_other(steps, wav, monkeypatch, step)
    for one in steps.rows()[:3]:
        oss_proxy.refuse(get(steps, one.key) if step == "verify" else b"PUT /", "403 Forbidden", "AccessDenied")
    with pytest.raises(oss2.exceptions.AccessDenied):
        getattr(steps, step)(batch, endpoint=oss_proxy.address)
    wanted = State.VERIFIED if step == "verify" else State.PUBLISHED
    assert [one.state for one in steps.rows()].count(wanted) == 3


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


def damaged(answer: bytes) -> bytes:
    """One bit of an answer's body flipped on its way."""
    return answer[:-10] + bytes([answer[-10] ^ 1]) + answer[-9:]


@pytest.mark.parametrize("part", ["source", "output"])
def test_bytes_that_are_damaged_on_the_way_are_read_once_more(
    steps: Steps, wav: Wav, oss_proxy: Proxy, part: str
) -> None:
    steps.put("a.wav", wav())
    batch = steps.to_converted("archive-flac")
    spoiled = steps.row().output_key if part == "output" else steps.row().key
    oss_proxy.spoil(get(steps, spoiled), damaged)
    assert steps.verify(batch, endpoint=oss_proxy.address) == {"verified": 1}


def test_an_output_without_the_checksum_that_oss_gives_is_quarantined(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    steps.put("a.wav", wav())
    batch = steps.to_converted("mobile-mp3")
    for _ in range(2):
        oss_proxy.spoil(get(steps, steps.row().output_key), damaged)
    assert steps.verify(batch, endpoint=oss_proxy.address) == {"quarantined": 1}
    assert "stored_bytes: expected" in (steps.row().message or "")


def test_a_source_without_the_checksum_that_oss_gives_decides_nothing(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    import oss2

    steps.put("a.wav", wav())
    batch = steps.to_converted("mobile-mp3")
    for _ in range(2):
        oss_proxy.spoil(get(steps, steps.row().key), damaged)
    with pytest.raises(oss2.exceptions.InconsistentError, match=r"a\.wav arrives with another CRC-64"):
        steps.verify(batch, endpoint=oss_proxy.address)
    assert steps.row().state is State.CONVERTED


def test_an_unexpected_error_keeps_no_neighbour_from_being_verified(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav())
    batch = steps.to_converted("mobile-mp3")
    measure = verifying.measure_output

    def odd(reader: Any, output: Any, source: Any) -> Any:
        if output.one.key.endswith("b.wav"):
            raise IndexError("a frame of an unforeseen kind")
        return measure(reader, output, source)

    monkeypatch.setattr(verifying, "measure_output", odd)
    assert steps.verify(batch) == {"verified": 2, "quarantined": 1}
    (bad,) = [one for one in steps.rows() if one.state is State.QUARANTINED]
    assert bad.key.endswith("b.wav")
    assert bad.code == "Unmeasurable"
    assert bad.message == "source or output could not be measured (IndexError: a frame of an unforeseen kind)"


def test_an_output_of_a_task_that_still_runs_is_not_judged(steps: Steps, wav: Wav, imm_proxy: Proxy) -> None:
    steps.put("a.wav", wav())
    batch = steps.to_converted("mobile-mp3")
    row = steps.row()
    output = steps.get(str(row.output_key)).read()
    # As after a forged message: the row counts as converted, and the service has not written yet.
    bucket = steps.oss.bucket(steps.bucket)
    bucket.delete_object(row.output_key)
    imm_proxy.spoil(b"GetTask", lambda whole: whole.replace(b'"Succeeded"', b'"Running"  '))
    project = steps.oss.imm().project_of(steps.bucket)
    with pytest.raises(OutputNotYet, match=r"isn't there yet: its task MediaConvert-\S+ still runs"):
        steps.verify(batch, imm_endpoint=imm_proxy.address, imm_project=project)
    assert (steps.row().state, steps.row().attempt) == (State.CONVERTED, 1)
    bucket.put_object(row.output_key, output)
    assert steps.verify(batch) == {"verified": 1}


def test_a_full_folder_of_temporary_files_is_the_steps_failure_and_judges_nothing(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav(30.0))
    batch = steps.to_converted("mobile-mp3")
    # The device that gives ENOSPC at every write.
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: os.fdopen(os.open("/dev/full", os.O_RDWR), "w+b"))
    with pytest.raises(ScratchSpaceError, match=r"wav can't be measured: it needs 480,044 bytes in the folder"):
        steps.verify(batch)
    assert [one.state for one in steps.rows()] == [State.CONVERTED] * 2
    monkeypatch.undo()
    assert steps.verify(batch) == {"verified": 2}
