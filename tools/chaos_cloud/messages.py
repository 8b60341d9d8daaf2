"""Clients of SMQ: what was sent is read at least once, whole, and what was deleted is never seen again."""

from __future__ import annotations

import time
from typing import Any

from tools.chaos_cloud.sdks import mns_account, mns_exception, mns_queue
from tools.chaos_cloud.worker import Findings, Worker
from tools.cloud_process import ACCESS_KEY_ID, ACCESS_KEY_SECRET, CloudProcess

QUEUE = "chaos-messages"
VISIBILITY = 3
"""Seconds until a message that was read and not deleted can be read again."""

KEPT = 0.3
"""Share of the messages that are not deleted when they are read for the first time."""

DRAIN_SECONDS = 60.0


def make_queue(cloud: CloudProcess) -> None:
    """Make the queue that these clients use."""
    account = account_of(cloud)
    account.get_queue(QUEUE).create(mns_queue.QueueMeta(vis_timeout=VISIBILITY))
    account.mns_client.close_connection()


class Sender(Worker):
    """Sends messages whose bodies are all different."""

    def __init__(self, name: str, cloud: CloudProcess, seed: int, findings: Findings) -> None:
        super().__init__(name, cloud, seed, findings)
        self.acknowledged: set[str] = set()
        self.attempted: set[str] = set()
        self._account = account_of(cloud)

    def step(self) -> None:
        """Send one message."""
        body = f"{self.name} {len(self.attempted)} " + "x" * self.random.randint(0, 3000)
        self.attempted.add(body)
        self._account.get_queue(QUEUE).send_message(mns_queue.Message(body))
        self.acknowledged.add(body)
        self.findings.count("messages acknowledged")
        time.sleep(0.005)  # so that the queue is read as fast as it grows

    def check(self) -> None:
        """Nothing to do: the receiver compares what was sent with what came."""

    def close(self) -> None:
        """Close the connections."""
        self._account.mns_client.close_connection()


class Receiver(Worker):
    """Receives and deletes messages; some are not deleted, so that they come back."""

    def __init__(self, name: str, cloud: CloudProcess, seed: int, findings: Findings, sender: Sender) -> None:
        super().__init__(name, cloud, seed, findings)
        self._sender = sender
        self._seen: set[str] = set()
        self._deleted: set[str] = set()
        self._account = account_of(cloud)

    def step(self) -> None:
        """Receive one batch and delete most of it."""
        self._receive(self._account.get_queue(QUEUE), KEPT)

    def _receive(self, queue: Any, kept: float) -> bool:
        """Receive one batch; False when there was none."""
        try:
            messages = queue.batch_receive_message(16, 1)
        except mns_exception.MNSServerException as error:
            if error.type == "MessageNotExist":
                return False
            raise
        handles = []
        for message in messages:
            body = message.message_body.decode() if isinstance(message.message_body, bytes) else message.message_body
            if body not in self._sender.attempted:
                self.findings.problem(f"a message that was never sent: {body[:60]!r}")
            if body in self._deleted:
                self.findings.problem(f"a message came back after its deletion was acknowledged: {body[:60]!r}")
            if body in self._seen or self.random.random() >= kept:
                handles.append((message.receipt_handle, body))
            self._seen.add(body)
        self.findings.count("messages received", len(messages))
        if handles:
            self._delete(queue, handles)
        return True

    def _delete(self, queue: Any, handles: list[tuple[str, str]]) -> None:
        try:
            queue.batch_delete_message([handle for handle, _ in handles])
        except mns_exception.MNSServerException as error:
            # Time-outs of handles, or the SDK's own repetition of a request whose answer was lost: no acknowledgement.
            if error.type not in ("ReceiptHandleError", "MessageNotExist"):
                raise
            return
        self._deleted |= {body for _, body in handles}
        self.findings.count("messages deleted", len(handles))

    def check(self) -> None:
        """Check that every acknowledged message comes."""
        account = account_of(self.cloud)
        queue = account.get_queue(QUEUE)
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._left() and time.monotonic() < deadline:
            self._receive(queue, kept=0.0)
        for body in sorted(self._left())[:10]:
            self.findings.problem(f"a message was acknowledged and never came: {body[:60]!r}")
        if self._left():
            self.findings.problem(f"{len(self._left())} acknowledged messages are lost")
        account.mns_client.close_connection()

    def _left(self) -> set[str]:
        return self._sender.acknowledged - self._seen

    def close(self) -> None:
        """Close the connections."""
        self._account.mns_client.close_connection()


def account_of(cloud: CloudProcess) -> Any:
    """Open an account of the SDK with one connection; not for several threads."""
    return mns_account.Account(cloud.smq, ACCESS_KEY_ID, ACCESS_KEY_SECRET)
