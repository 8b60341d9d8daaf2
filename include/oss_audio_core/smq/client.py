"""An asyncio SMQ client with the few calls that draining a queue takes.

No asyncio SDK of SMQ works, and the synchronous one is neither thread-safe nor able to deliver a batch in
which one body is not Base64. So: four calls over aiohttp, bodies as they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from oss_audio_core.smq.documents import UnreadableXml, children, local_name, parse
from oss_audio_core.smq.errors import SmqError
from oss_audio_core.smq.service_errors import Answer, error_of, unreachable
from oss_audio_core.smq.settings import SmqSettings
from oss_audio_core.smq.signature import authorization, content_md5

if TYPE_CHECKING:
    import aiohttp

MAX_BATCH = 16
"""Messages a batch call may carry (mns/product-overview/limits)."""

MAX_WAIT_SECONDS = 30
"""The longest long poll (same page)."""

XMLNS = "http://mns.aliyuncs.com/doc/v1/"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class QueueMessage:
    """One received message; it comes back after the queue's visibility timeout unless it is deleted.

    Attributes:
        receipt_handle: what deletes it; valid until the visibility timeout ends.
        body: as the publisher wrote it (UTF-8), not decoded.
        dequeue_count: how often it was received, this time included.
        enqueue_time: when the queue got it, UTC by SMQ's clock.
    """

    message_id: str
    receipt_handle: str = field(repr=False)
    body: bytes = field(repr=False)
    dequeue_count: int
    enqueue_time: datetime


class SmqClient:
    """One session with SMQ for a lifetime: `async with SmqClient(settings) as smq: …`.

    A call is made once; aiohttp alone repeats a GET when the connection it kept turns out to be broken.

    Attributes:
        settings: what each request is made with; others may be set at any time, as when an STS token was renewed.
    """

    def __init__(self, settings: SmqSettings) -> None:
        """Open nothing yet."""
        self.settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session (aiohttp is imported in a thread: it takes a third of a second)."""
        aiohttp = await asyncio.to_thread(__import__, "aiohttp")
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def receive(
        self, queue: str, wait_seconds: int = MAX_WAIT_SECONDS, batch: int = MAX_BATCH
    ) -> list[QueueMessage]:
        """Return up to `batch` messages, or [] when none came within `wait_seconds` (0 to 30).

        Raises:
            QueueNotExist: there is no such queue.
            SmqCredentialError: SMQ refused the credentials.
            SmqUnreachable: no answer came.
            SmqError: any other refusal.
        """
        if not 0 <= wait_seconds <= MAX_WAIT_SECONDS:
            raise ValueError(f"wait_seconds is {wait_seconds}; SMQ waits 0 to {MAX_WAIT_SECONDS} seconds")
        if not 1 <= batch <= MAX_BATCH:
            raise ValueError(f"batch is {batch}; SMQ hands out 1 to {MAX_BATCH} messages at once")
        answer = await self._call(
            "GET",
            f"{_queue(queue)}/messages?numOfMessages={batch}&waitseconds={wait_seconds}",
            f"Receiving from queue {queue!r}",
            extra_seconds=wait_seconds,
        )
        if answer.status == 200:
            return [_message(element, answer) for element in self._root(answer)]
        error = error_of(answer, self.settings)
        if error.code == "MessageNotExist":
            return []
        raise error

    async def delete(self, queue: str, receipt_handles: Iterable[str]) -> list[str]:
        """Delete messages; returns the handles that SMQ didn't accept (expired or unknown), usually none.

        Any number of handles; sixteen go into one request. Raises as `receive`; what was deleted before stays
        deleted, and repeating the call is harmless.
        """
        handles = list(receipt_handles)
        failed: list[str] = []
        for start in range(0, len(handles), MAX_BATCH):
            failed += await self._delete_batch(queue, handles[start : start + MAX_BATCH])
        return failed

    async def queue_attributes(self, queue: str) -> dict[str, str]:
        """Return GetQueueAttributes (QueueName, VisibilityTimeout, ActiveMessages …) as SMQ writes them.

        Raises:
            QueueNotExist: there is no such queue.
            SmqError: as `receive`.
        """
        return await self._attributes(_queue(queue), f"Asking for queue {queue!r}")

    async def topic_attributes(self, topic: str) -> dict[str, str]:
        """Return GetTopicAttributes (TopicName, MessageRetentionPeriod …) as SMQ writes them.

        Raises:
            TopicNotExist: there is no such topic.
            SmqError: as `receive`.
        """
        return await self._attributes(f"/topics/{quote(topic, safe='')}", f"Asking for topic {topic!r}")

    async def _delete_batch(self, queue: str, handles: Sequence[str]) -> list[str]:
        inner = "".join(f"<ReceiptHandle>{escape(handle)}</ReceiptHandle>" for handle in handles)
        document = f'<?xml version="1.0" encoding="UTF-8"?><ReceiptHandles xmlns="{XMLNS}">{inner}</ReceiptHandles>'
        answer = await self._call(
            "DELETE", f"{_queue(queue)}/messages", f"Deleting from queue {queue!r}", body=document.encode()
        )
        if answer.status == 204:
            return []
        # One <Error> is about the request; <Errors> lists the handles that failed, with status 404 or 400.
        try:
            root = parse(answer.body)
        except UnreadableXml:
            raise error_of(answer, self.settings) from None
        if local_name(root) != "Errors":
            raise error_of(answer, self.settings)
        refused = {children(element).get("ReceiptHandle", "") for element in root}
        return [handle for handle in handles if handle in refused]

    async def _attributes(self, resource: str, what: str) -> dict[str, str]:
        answer = await self._call("GET", resource, what)
        if answer.status != 200:
            raise error_of(answer, self.settings)
        return children(self._root(answer))

    def _root(self, answer: Answer) -> ET.Element:
        try:
            return parse(answer.body)
        except UnreadableXml:
            raise error_of(answer, self.settings) from None

    async def _call(
        self, method: str, resource: str, what: str, *, body: bytes = b"", extra_seconds: float = 0
    ) -> Answer:
        """Send one signed request; raises SmqUnreachable when no answer comes."""
        if self._session is None:
            raise RuntimeError("SmqClient is used outside of `async with`")
        import aiohttp
        from yarl import URL

        settings = self.settings
        headers = {"date": formatdate(usegmt=True), "x-mns-version": "2015-06-06"}
        if body:
            headers |= {"content-md5": content_md5(body), "content-type": "text/xml;charset=UTF-8"}
        headers["authorization"] = authorization(
            method, resource, headers, settings.access_key_id, settings.access_key_secret
        )
        if settings.security_token:
            headers["security-token"] = settings.security_token  # sent, and not signed
        timeout = aiohttp.ClientTimeout(
            total=settings.connect_timeout + settings.read_timeout + extra_seconds,
            sock_connect=settings.connect_timeout,
            sock_read=settings.read_timeout + extra_seconds,
        )
        # encoded=True: the resource is signed as it stands, so nothing may rewrite it.
        url = URL(settings.endpoint + resource, encoded=True)
        try:
            async with self._session.request(
                method,
                url,
                data=body or None,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                skip_auto_headers=("Content-Type",),
            ) as response:
                return Answer(what, response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error, what, settings) from None


def _queue(name: str) -> str:
    return f"/queues/{quote(name, safe='')}"


def _message(element: ET.Element, answer: Answer) -> QueueMessage:
    fields = children(element)
    try:
        return QueueMessage(
            message_id=fields["MessageId"],
            receipt_handle=fields["ReceiptHandle"],
            body=fields.get("MessageBody", "").encode(),
            dequeue_count=int(fields.get("DequeueCount") or 1),
            enqueue_time=_EPOCH + timedelta(milliseconds=int(fields.get("EnqueueTime") or 0)),
        )
    except (KeyError, ValueError, OverflowError) as error:
        raise SmqError(f"{answer.what} failed: SMQ's answer is damaged ({error}).", status=answer.status) from None
