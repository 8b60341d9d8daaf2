"""The clients of the chaos runs notice what a service must not do; a run of theirs over one kill ends clean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.chaos_cloud.contents import VERSION_HEADER, History, content_of, problem_with
from tools.chaos_cloud.conversions import NOTIFICATIONS, Submitter, put_source
from tools.chaos_cloud.messages import Receiver, Sender, account_of, make_queue
from tools.chaos_cloud.objects import Writer
from tools.chaos_cloud.run import kill_again_and_again
from tools.chaos_cloud.sdks import mns_queue
from tools.chaos_cloud.uploads import Appender, Multipart
from tools.chaos_cloud.worker import BUCKET, TOPIC, Findings, bucket_of
from tools.cloud_process import CloudFailed, CloudProcess

SEED = 7


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    with CloudProcess(
        tmp_path_factory.mktemp("chaos") / "data", bucket=BUCKET, topic=TOPIC, queue=NOTIFICATIONS
    ) as running:
        make_queue(running)
        yield running


@pytest.fixture
def bucket(cloud: CloudProcess) -> Iterator[Any]:
    made = bucket_of(cloud)
    yield made
    made.session.session.close()


def put(bucket: Any, key: str, version: int, content: bytes | None = None) -> None:
    whole = content_of(SEED, key, version)
    assert whole is not None
    bucket.put_object(key, whole if content is None else content, headers={VERSION_HEADER: str(version)})


def test_what_may_be_there_is_no_problem(bucket: Any):
    history = History("fine", acknowledged=2, attempted=3)
    for version in (2, 3):
        put(bucket, "fine", version)
        assert problem_with(SEED, history, bucket, 2) is None
    assert problem_with(SEED, History("never written"), bucket, 0) is None
    assert problem_with(SEED, History("deleted", 8, 8), bucket, 8) is None


def test_what_may_not_be_there_is_found(bucket: Any):
    assert "lost" in str(problem_with(SEED, History("lost", 1, 2), bucket, 1))
    put(bucket, "old", 1)
    assert "version 1 is there" in str(problem_with(SEED, History("old", 2, 3), bucket, 2))
    put(bucket, "torn", 1, (content_of(SEED, "torn", 1) or b"")[:-1])
    assert "damaged" in str(problem_with(SEED, History("torn", 1, 1), bucket, 1))
    put(bucket, "undead", 7)
    assert "version 7 is there" in str(problem_with(SEED, History("undead", 8, 8), bucket, 8))


def test_a_writers_ledger_is_held_against_the_bucket(cloud: CloudProcess, bucket: Any):
    findings = Findings()
    writer = Writer("puts", cloud, SEED, findings)
    for _ in range(20):
        writer.step()
    writer.check()
    assert findings.problems == []
    there = next(h for h in writer.histories if content_of(SEED, h.key, h.acknowledged) is not None)
    bucket.delete_object(there.key)
    writer.check()
    assert [problem for problem in findings.problems if problem.startswith(there.key + ": lost")]
    writer.close()


def test_lost_and_foreign_messages_are_found(cloud: CloudProcess, monkeypatch: pytest.MonkeyPatch):
    findings = Findings()
    sender = Sender("sender", cloud, SEED, findings)
    receiver = Receiver("receiver", cloud, SEED, findings, sender)
    for _ in range(5):
        sender.step()
    receiver.check()
    assert findings.problems == []
    monkeypatch.setattr("tools.chaos_cloud.messages.DRAIN_SECONDS", 1.0)
    sender.acknowledged.add("sender 99 never arrived")
    account = account_of(cloud)
    account.get_queue("chaos-messages").send_message(mns_queue.Message("of nobody"))
    account.mns_client.close_connection()
    receiver.check()
    assert any("nobody sent" in problem for problem in findings.problems)
    assert any("never came" in problem for problem in findings.problems)
    sender.close()
    receiver.close()


def test_a_message_that_comes_back_after_its_deletion_is_found(cloud: CloudProcess):
    findings = Findings()
    sender = Sender("reviver", cloud, SEED, findings)
    receiver = Receiver("its receiver", cloud, SEED, findings, sender)
    sender.step()
    receiver.check()
    assert findings.problems == []
    account = account_of(cloud)
    (body,) = sender.acknowledged
    account.get_queue("chaos-messages").send_message(mns_queue.Message(body))
    account.mns_client.close_connection()
    for _ in range(60):
        if not findings.problems:
            receiver.step()
    assert "came back after its deletion" in findings.problems[0]
    sender.close()
    receiver.close()


def test_a_conversion_that_is_done_again_or_lost_is_found(cloud: CloudProcess, bucket: Any):
    put_source(cloud)
    findings = Findings()
    submitter = Submitter("submits", cloud, SEED, findings)
    for _ in range(2):
        submitter.step()
    submitter.check()
    assert findings.problems == []
    again, lost = submitter.targets.values()
    submitter.removed.add(again)
    bucket.delete_object(lost)
    submitter.check()
    assert [problem.partition(":")[0] for problem in findings.problems] == [again, lost]
    submitter.close()


def test_an_upload_whose_acknowledged_parts_are_gone_is_found(cloud: CloudProcess, bucket: Any):
    findings = Findings()
    client = Multipart("parts", cloud, SEED, findings)
    for _ in range(60):
        if "parts acknowledged" not in findings.counts:
            client.step()
    for upload in bucket.list_multipart_uploads(prefix="parts/").upload_list:
        bucket.abort_multipart_upload(upload.key, upload.upload_id)
    client.step()
    assert any("the upload is lost, with 1 acknowledged parts" in problem for problem in findings.problems)
    client.close()


def test_an_append_that_is_gone_is_found(cloud: CloudProcess, bucket: Any):
    findings = Findings()
    client = Appender("appends", cloud, SEED, findings)
    for _ in range(3):
        client.step()
    client.check()
    assert findings.problems == []
    (only,) = [one.key for one in bucket.list_objects_v2(prefix="appends/").object_list]
    bucket.delete_object(only)
    client.check()
    assert findings.problems != []
    client.close()


def test_a_cloud_that_can_not_start_says_why(tmp_path: Path):
    with pytest.raises(CloudFailed, match="--bucket"):
        CloudProcess(tmp_path / "data", bucket="NO").start()


def test_a_run_over_one_kill_breaks_no_promise(tmp_path: Path):
    outcome = kill_again_and_again(tmp_path / "data", kills=1, seed=SEED, say=lambda line: None)
    assert outcome.findings.problems == []
    assert outcome.findings.counts["PUTs acknowledged"] > 0
