"""Each conversion is accepted by the service exactly once, by any number of submitters, whatever the answers."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oss_audio_core.catalogue import CatalogueUnavailable, State, Verb, conversions, open_catalogue
from oss_audio_core.catalogue.conversions import Conversion, claim, retry
from oss_audio_core.catalogue.database import now
from oss_audio_core.oss import OssConfigurationError, OssSettings, OssUnavailable
from oss_audio_core.oss.retry import TRIES
from oss_audio_core.pipeline.submitting import claims, lost_submit_handler, posting
from oss_audio_core.pipeline.submitting.errors import NoAnswer
from oss_audio_core.pipeline.submitting.options import SubmitOptions
from oss_audio_core.pipeline.submitting.outcome_recorder import OutcomeRecorder
from oss_audio_core.pipeline.submitting.outcomes import SubmitOutcome
from oss_audio_core.pipeline.submitting.posting import post
from oss_audio_core.pipeline.submitting.shard_submitter import submit_shard
from tests.include.oss_audio_core.pipeline.proxy import refusal

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps
    from tests.include.oss_audio_core.pipeline.proxy import Proxy

Wav = Callable[..., bytes]
POST = b"x-oss-async-process"


def hurried(settings: OssSettings, endpoint: str) -> OssSettings:
    return replace(settings, endpoint=endpoint, connect_timeout=0.1, read_timeout=0.5)


def submit_from_a_process(url: str, oss: OssSettings, batch: int, start: object) -> None:
    catalogue = open_catalogue(url)
    start.wait()
    submit_shard(catalogue, oss, batch, 0, SubmitOptions(concurrency=4))
    catalogue.close()


def test_two_threads_submit_each_conversion_once(steps: Steps, wav: Wav) -> None:
    for number in range(12):
        steps.put(f"{number:02}.wav", wav(0.1))
    batch = steps.plan("mobile-mp3")
    outcomes: list[Counter[str]] = []
    together = threading.Barrier(2)

    def submit() -> None:
        together.wait()
        outcomes.append(steps.submit(batch, concurrency=3))

    threads = [threading.Thread(target=submit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(outcomes, Counter()) == {"accepted": 12}
    assert len(steps.accepted()) == 12
    assert steps.submit(batch) == {}


def test_two_processes_submit_each_conversion_once(steps: Steps, wav: Wav, tmp_path: object) -> None:
    for number in range(8):
        steps.put(f"{number:02}.wav", wav(0.1))
    batch = steps.plan("mobile-mp3")
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2, timeout=60)
    url = f"sqlite:///{tmp_path}/catalogue.db"
    arguments = (url, steps.oss, batch, start)
    # Daemons: one that hangs must not keep the tests from ending.
    processes = [context.Process(target=submit_from_a_process, args=arguments, daemon=True) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
        assert process.exitcode == 0
    assert {one.state for one in steps.rows()} == {State.SUBMITTED}
    assert len(steps.accepted()) == 8


@pytest.mark.parametrize(
    ("answer", "reset"),
    [
        pytest.param(lambda _: b"", True, id="reset before the answer"),
        pytest.param(lambda _: b"", False, id="hung up before the answer"),
        pytest.param(lambda whole: whole[:-30], False, id="hung up within the answer"),
        pytest.param(lambda whole: whole.replace(b"TaskId", b"Nothing"), False, id="an answer without a TaskId"),
        pytest.param(
            lambda _: refusal("500 Internal Server Error", "InternalError"), False, id="500 after it was accepted"
        ),
    ],
)
def test_a_submit_whose_answer_is_lost_is_looked_for_and_not_repeated(
    steps: Steps, oss_proxy: Proxy, wav: Wav, answer: Callable[[bytes], bytes], reset: bool
) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    oss_proxy.spoil(POST, answer, reset=reset)
    outcomes = steps.submit(batch, oss=hurried(steps.oss, oss_proxy.address))
    assert outcomes["accepted"] + outcomes["found"] == 1
    assert len(steps.accepted()) == 1
    assert steps.wait(batch).converted == 1
    assert steps.verify(batch) == {"verified": 1}


def test_what_was_accepted_is_written_down_though_the_next_claim_fails(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav(0.1))
    batch = steps.plan("mobile-mp3")
    turns = iter([conversions.claim])

    def claim_once(*given: Any, **named: Any) -> Any:
        try:
            claim = next(turns)
        except StopIteration:
            raise CatalogueUnavailable("the database is gone") from None
        return claim(*given, **named)

    monkeypatch.setattr(conversions, "claim", claim_once)
    with pytest.raises(CatalogueUnavailable):
        steps.submit(batch, concurrency=1)
    first, second = steps.rows(batch)
    assert (first.state, second.state) == (State.SUBMITTED, State.PLANNED)
    assert first.task_id is not None


@pytest.mark.parametrize("date", [b"yesterday", b"Fri, 31 Dec 9999 23:59:59 -2359"])
def test_an_accepted_submit_survives_an_answer_with_a_senseless_date(
    steps: Steps, oss_proxy: Proxy, wav: Wav, date: bytes
) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    before = now()
    oss_proxy.spoil(POST, lambda whole: _with_date(whole, date))
    assert steps.submit(batch, oss=replace(steps.oss, endpoint=oss_proxy.address)) == {"accepted": 1}
    row = steps.row()
    assert row.task_id
    assert row.submitted_at is not None
    assert before <= row.submitted_at <= now()


def _with_date(answer: bytes, date: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"date:")]
    return b"\r\n".join([*lines, b"date: " + date, b"", body])


def test_a_claim_whose_process_died_before_the_post_is_submitted_once(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    with steps.catalogue.write() as connection:
        ids = [one.id for one in steps.rows(batch)]
        claim(connection, Verb.CLAIM, ids, token="of the dead", lease_until=now() - timedelta(seconds=1))
    # It also wrote the attempt's key: claim and key are one transaction.
    steps.change(output_bucket=steps.bucket, output_key=f".staging/{steps.prefix}0/1-1.mp3")
    assert steps.submit(batch) == {"accepted": 1}
    assert steps.row().attempt == 1
    assert len(steps.accepted()) == 1


def test_a_live_claim_of_another_process_is_waited_for(steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    with steps.catalogue.write() as connection:
        claim(connection, Verb.CLAIM, [steps.row().id], token="living", lease_until=now() + timedelta(hours=1))
    looks: list[float] = []

    class Clock:
        monotonic = time.monotonic

        @staticmethod
        def sleep(seconds: float) -> None:
            looks.append(seconds)
            if len(looks) == 3:  # the other process is told its TaskId
                steps.change(state="submitted", task_id="MediaConvert-of-the-other")

    monkeypatch.setattr(lost_submit_handler, "time", Clock)
    assert steps.submit(batch) == {}
    assert looks == [lost_submit_handler.CHECK_EVERY] * 3
    assert steps.accepted() == []


def test_a_task_that_runs_is_found_by_the_key_it_writes_to(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    known = steps.row()
    steps.wait(batch)
    # As it would be had the process died after the POST; a directly published target proves nothing by being there.
    steps.change(state="submitting", task_id=None, token="of the dead", lease_until=now(), publish="direct")
    assert steps.submit(batch) == {"accepted": 1}
    assert steps.row().task_id == known.task_id
    assert len(steps.accepted()) == 1


def test_a_task_is_found_by_a_worker_whose_clock_is_ahead(steps: Steps, wav: Wav) -> None:
    direct = replace(steps.profile, publish="direct", target_key=f"direct/{steps.prefix}{{barename}}.mp3")
    steps.put("a.wav", wav())
    batch = steps.plan(profiles=[direct])
    steps.submit(batch)
    steps.change(state="submitting", task_id=None, lease_until=now(), claimed_at=now() + timedelta(minutes=14))
    assert steps.submit(batch) == {"accepted": 1}
    assert len(steps.accepted()) == 1


def test_an_output_at_the_attempts_key_is_adopted(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.to_converted("mobile-mp3")
    steps.change(state="submitting", task_id=None, token="of the dead", lease_until=now() - timedelta(seconds=1))
    assert steps.submit(batch) == {"found": 1}
    assert steps.row().state is State.CONVERTED
    assert steps.verify(batch) == {"verified": 1}
    assert len(steps.accepted()) == 1


def test_an_unreachable_endpoint_is_tried_three_times_and_everything_stays_planned(
    steps: Steps, wav: Wav, closed_port: int
) -> None:
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav())
    batch = steps.plan("mobile-mp3")
    with pytest.raises(OssUnavailable, match=r"refuses connections \(127\.0\.0\.1:\d+\).*'endpoint'") as caught:
        steps.submit(batch, oss=hurried(steps.oss, f"http://127.0.0.1:{closed_port}"))
    assert not any(secret in str(caught.value) for secret in steps.oss.secrets)
    assert {(one.state, one.attempt, one.output_key) for one in steps.rows()} == {(State.PLANNED, 1, None)}
    assert steps.submit(batch) == {"accepted": 2}


def test_imm_out_of_reach_while_a_lost_submit_is_looked_for_is_a_clear_error(
    steps: Steps, wav: Wav, closed_port: int
) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.change(state="submitting", token="of the dead", lease_until=now(), output_bucket="audio", output_key="none")
    with pytest.raises(OssUnavailable, match=r"refuses connections.*'imm_endpoint'"):
        steps.submit(batch, oss=replace(steps.oss, imm_endpoint=f"http://127.0.0.1:{closed_port}"))
    assert steps.row().state is State.SUBMITTING
    steps.change(lease_until=now())
    assert steps.submit(batch) == {"accepted": 1}


def test_a_moment_without_imm_while_a_lost_submit_is_looked_for_is_outlasted(
    steps: Steps, wav: Wav, imm_proxy: Proxy
) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.change(state="submitting", token="of the dead", lease_until=now(), output_bucket="audio", output_key="none")
    imm_proxy.spoil(b"ListTasks", lambda _: b"", forward=False, times=TRIES - 1)
    assert steps.submit(batch, oss=replace(steps.oss, imm_endpoint=imm_proxy.address)) == {"accepted": 1}
    assert len(imm_proxy.requests) >= TRIES
    assert len(steps.accepted()) == 1


def test_a_removed_source_is_a_failed_row_and_its_neighbours_go_on(steps: Steps, wav: Wav) -> None:
    for name in ("a.wav", "gone.wav", "z.wav"):
        steps.put(name, wav())
    batch = steps.plan("mobile-mp3")
    steps.oss.bucket(steps.bucket).delete_object(steps.prefix + "gone.wav")
    assert steps.submit(batch) == {"accepted": 2, "rejected": 1}
    failed = {one.key: one for one in steps.rows()}[steps.prefix + "gone.wav"]
    assert (failed.state, failed.code) == (State.FAILED, "NoSuchKey")
    assert failed.message
    assert steps.wait(batch).converted == 2


def test_a_bucket_without_imm_is_a_configuration_error(steps: Steps, wav: Wav) -> None:
    steps.bucket = "not-bound-pipeline"
    steps.oss.bucket(steps.bucket).create_bucket()
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    with pytest.raises(OssConfigurationError, match="bound to no IMM project"):
        steps.submit(batch)
    assert steps.row().state is State.PLANNED


def test_a_missing_permission_is_a_configuration_error(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    oss_proxy.refuse(POST, "403 Forbidden", "AccessDenied")
    with pytest.raises(OssConfigurationError, match=r"not permitted: grant the RAM user.*oss:PostProcessTask"):
        steps.submit(batch, oss=replace(steps.oss, endpoint=oss_proxy.address))
    assert steps.row().state is State.PLANNED


def test_one_object_that_may_not_be_read_is_a_failed_row(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav())
    batch = steps.plan("mobile-mp3")
    archived = ("403 Forbidden", "InvalidObjectState", "of the storage class Archive")
    oss_proxy.refuse(b"a.wav?x-oss-async-process", *archived)
    oss_proxy.refuse(b"b.wav?x-oss-async-process", "403 Forbidden", "AccessDenied", times=2)
    # However the answers come in: what was said about b before c was accepted is asked again.
    outcomes = steps.submit(batch, oss=replace(steps.oss, endpoint=oss_proxy.address))
    assert (outcomes["accepted"], outcomes["rejected"]) == (1, 2)
    assert [(one.state, one.code) for one in steps.rows(batch)] == [
        (State.FAILED, "InvalidObjectState"),
        (State.FAILED, "AccessDenied"),
        (State.SUBMITTED, None),
    ]


@pytest.mark.parametrize(
    "code", ["SecurityTokenExpired", "RequestTimeTooSkewed", "UserDisable", "SignatureDoesNotMatch"]
)
def test_refused_credentials_fail_no_row(steps: Steps, wav: Wav, oss_proxy: Proxy, code: str) -> None:
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav())
    batch = steps.plan("mobile-mp3")
    oss_proxy.refuse(b"b.wav?x-oss-async-process", "403 Forbidden", code)
    # The next try of the task reads the connection again: by then the token may be renewed.
    kind = OssUnavailable if code == "SecurityTokenExpired" else OssConfigurationError
    with pytest.raises(kind, match=code):
        steps.submit(batch, oss=replace(steps.oss, endpoint=oss_proxy.address), concurrency=1)
    assert [one.state for one in steps.rows(batch)] == [State.SUBMITTED, State.PLANNED]


def test_one_conversion_that_never_gets_an_answer_is_a_failed_row(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav())
    batch = steps.plan("mobile-mp3")
    error = ("500 Internal Server Error", "InternalError")
    oss_proxy.refuse(b"b.wav?x-oss-async-process", *error, times=lost_submit_handler.MAX_LOST_SUBMITS)
    outcomes = steps.submit(batch, oss=hurried(steps.oss, oss_proxy.address))
    # A slow machine may hear of an acceptance too late, and look for it.
    assert (outcomes["accepted"] + outcomes["found"], outcomes["rejected"]) == (2, 1)
    failed = steps.rows(batch)[1]
    assert (failed.state, failed.code, failed.attempt) == (State.FAILED, "NoAnswer", 1)
    assert failed.message is not None
    assert "no usable answer to 3 submits" in failed.message
    with steps.catalogue.write() as connection:
        assert retry(connection, [failed.id]) == 1


def test_an_unforeseen_error_concerns_its_own_conversion_alone(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav())
    batch = steps.plan("mobile-mp3")
    unexpected = [OverflowError("date value out of range")]

    def post_badly(bucket: Any, wanted: Conversion, topic: str | None) -> SubmitOutcome:
        outcome = post(bucket, wanted, topic)
        if wanted.key.endswith("a.wav") and unexpected:
            raise unexpected.pop()
        return outcome

    monkeypatch.setattr(posting, "post", post_badly)
    outcomes = steps.submit(batch, oss=hurried(steps.oss, steps.oss.endpoint))
    assert outcomes["accepted"] + outcomes["found"] == 3
    assert len(steps.accepted()) == 3
    assert "date value out of range" in caplog.text


def test_a_claim_that_is_about_to_end_is_given_back_unsent(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    clock = [now() - timedelta(hours=1)]  # of the claim; then this process stands still
    monkeypatch.setattr(claims, "now", lambda: clock.pop() if clock else now())
    assert steps.submit(batch) == {"not sent": 1, "accepted": 1}
    assert len(steps.accepted()) == 1


def test_a_service_that_takes_nothing_and_says_nothing_is_given_up_for_now(
    steps: Steps, wav: Wav, oss_proxy: Proxy
) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    oss_proxy.refuse(POST, "500 Internal Server Error", "InternalError", times=lost_submit_handler.MAX_LOST_SUBMITS)
    with pytest.raises(NoAnswer, match=r"no usable answer to 3 submits of oss://audio/.*a\.wav"):
        steps.submit(batch, oss=hurried(steps.oss, oss_proxy.address))
    assert steps.row().state is State.PLANNED
    assert steps.submit(batch) == {"accepted": 1}


def test_a_key_that_cannot_be_asked_for_is_a_failed_row_with_its_reason(steps: Steps, wav: Wav) -> None:
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav())
    batch = steps.plan("mobile-mp3")
    assert steps.submit(batch, staging="x" * 1100 + "/") == {"rejected": 2}
    assert {(one.state, one.code) for one in steps.rows()} == {(State.FAILED, "InvalidParameter")}
    assert steps.accepted() == []


def test_a_request_that_never_left_is_repeated_at_once(steps: Steps, wav: Wav, closed_port: int) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    # TLS against a port that speaks plain HTTP fails in the handshake: nothing was asked of anybody.
    tls = steps.oss.endpoint.replace("http://", "https://")
    with pytest.raises(OssUnavailable, match="doesn't speak TLS"):
        steps.submit(batch, oss=hurried(steps.oss, tls))
    assert steps.row().state is State.PLANNED
    assert steps.submit(batch) == {"accepted": 1}


def test_an_answer_that_the_catalogue_can_not_store_is_looked_for_and_its_neighbours_are_recorded(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav(0.1))
    batch = steps.plan("mobile-mp3")
    refused: list[int] = []
    accept = OutcomeRecorder._record_accepted

    def odd(self: OutcomeRecorder, connection: Any, claim: Any, outcome: SubmitOutcome) -> None:
        accept(self, connection, claim, outcome)
        if claim.conversion.key.endswith("b.wav") and not refused:
            refused.append(claim.conversion.id)
            raise OverflowError("Python int too large to convert to SQLite INTEGER")

    monkeypatch.setattr(OutcomeRecorder, "_record_accepted", odd)
    outcomes = steps.submit(batch, oss=hurried(steps.oss, steps.oss.endpoint))
    assert outcomes["unknown"] == 1
    assert {one.state for one in steps.rows()} <= {State.SUBMITTED, State.CONVERTED}
    assert len(steps.accepted()) == 3
