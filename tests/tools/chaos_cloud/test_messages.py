"""Lost, foreign and revived messages are found."""

from __future__ import annotations

import pytest

from tools.chaos_cloud.messages import Receiver, Sender, account_of
from tools.chaos_cloud.sdks import mns_queue
from tools.chaos_cloud.worker import Findings
from tools.cloud_process import CloudProcess

SEED = 7


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
    assert any("never sent" in problem for problem in findings.problems)
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
