"""The operations on /queues and the messages in them."""

from __future__ import annotations

import sqlite3

from starlette.responses import Response

from oss_local_cloud.smq import messages, request_bodies, response_bodies, tables
from oss_local_cloud.smq.api_call import ApiCall, created, done, xml
from oss_local_cloud.smq.attributes import LONGEST_POLL_SECONDS, QueueAttributes, whole_number
from oss_local_cloud.smq.errors import SmqRequestError, message_not_exist


async def list_queues(call: ApiCall) -> Response:
    """ListQueue: a page of addresses, with all attributes when x-mns-with-meta asks for them."""

    def work(db: sqlite3.Connection) -> tuple[list[dict[str, object]], str | None]:
        page = tables.list_queues(db, call.listing())
        items = []
        for stored in page.items:
            item: dict[str, object] = {"QueueURL": call.address("queues", stored.name)}
            if call.with_meta():
                counts = messages.counts(db, stored.name, call.service.now_ms())
                item |= response_bodies.queue_fields(stored, counts)
            items.append(item)
        return items, page.next_marker

    items, next_marker = await call.service.run(work)
    return xml(response_bodies.listing("Queues", "Queue", items, next_marker))


async def put_queue(call: ApiCall) -> Response:
    """CreateQueue, or SetQueueAttributes with `metaoverride=true`."""
    (name,) = call.names
    if call.overrides():
        fields = call.required_fields("Queue")
        await call.service.run(lambda db: tables.set_queue(db, name, fields, call.service.now_ms()))
        return done()
    made = await call.service.create_queue(name, QueueAttributes().changed(call.fields("Queue")))
    return created(made, call.address("queues", name))


async def get_queue(call: ApiCall) -> Response:
    """GetQueueAttributes."""
    (name,) = call.names

    def work(db: sqlite3.Connection) -> dict[str, object]:
        stored = tables.get_queue(db, name)
        return response_bodies.queue_fields(stored, messages.counts(db, name, call.service.now_ms()))

    return xml(response_bodies.single("Queue", await call.service.run(work)))


async def delete_queue(call: ApiCall) -> Response:
    """DeleteQueue, with the messages in it."""
    (name,) = call.names
    await call.service.run(lambda db: tables.delete_queue(db, name, call.service.now_ms()))
    call.service.long_polls.wake(name)
    return done()


async def send(call: ApiCall) -> Response:
    """SendMessage and BatchSendMessage, by the root of the document."""
    (name,) = call.names
    stored = await call.service.run(lambda db: tables.get_queue(db, name))
    new, batch = request_bodies.new_messages(call.body, stored.attributes.maximum_message_size)
    return xml(response_bodies.sent(await call.service.send(name, new), batch), 201)


async def receive_or_peek(call: ApiCall) -> Response:
    """ReceiveMessage, BatchReceiveMessage, PeekMessage and BatchPeekMessage, by the query."""
    (name,) = call.names
    wanted = call.query.get("numofmessages")
    most = 1 if wanted is None else request_bodies.check_batch_size(whole_number("numOfMessages", wanted, 1, 16))
    peeked = call.flag("peekonly")
    if peeked:
        found = await call.service.run(lambda db: messages.peek(db, name, most, call.service.now_ms()))
    else:
        seconds = call.query.get("waitseconds")
        wait = None if seconds is None else whole_number("waitseconds", seconds, 0, LONGEST_POLL_SECONDS)
        async with call.hang_up() as gone:
            found = await call.service.receive(name, most, wait, gone)
    if not found:
        raise message_not_exist()
    return xml(response_bodies.received(found, wanted is not None, peeked))


async def delete_messages(call: ApiCall) -> Response:
    """DeleteMessage by the handle in the query, BatchDeleteMessage by the handles in the body.

    A batch deletes what it can and answers 404 with the handles it could not delete.
    """
    (name,) = call.names
    now_ms = call.service.now_ms()
    handle = call.query.get("receipthandle")
    if handle is not None:
        await call.service.run(lambda db: messages.delete(db, name, handle, now_ms))
        return done()
    if not call.body:
        raise SmqRequestError(400, "MissingReceiptHandle", "ReceiptHandle is required.")
    handles = request_bodies.receipt_handles(call.body)

    def work(db: sqlite3.Connection) -> dict[str, SmqRequestError]:
        tables.get_queue(db, name)
        failures = {}
        for one in handles:
            try:
                messages.delete(db, name, one, now_ms)
            except SmqRequestError as error:
                failures[one] = error
        return failures

    failures = await call.service.run(work)
    return xml(response_bodies.undeleted(failures), 404) if failures else done()


async def change_visibility(call: ApiCall) -> Response:
    """ChangeMessageVisibility: a new handle and the time the message is visible again."""
    (name,) = call.names
    handle, seconds = call.query.get("receipthandle"), call.query.get("visibilitytimeout")
    if handle is None:
        raise SmqRequestError(400, "MissingReceiptHandle", "ReceiptHandle is required.")
    if seconds is None:
        raise SmqRequestError(400, "MissingVisibilityTimeout", "VisibilityTimeout is required.")
    timeout = whole_number("VisibilityTimeout", seconds, 1, 43200)
    new_handle, visible_ms = await call.service.run(
        lambda db: messages.change_visibility(db, name, handle, timeout, call.service.now_ms())
    )
    call.service.long_polls.wake(name, 1)
    return xml(response_bodies.visibility(new_handle, visible_ms))
