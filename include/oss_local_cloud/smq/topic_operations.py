"""The operations on /topics and their subscriptions."""

from __future__ import annotations

from starlette.responses import Response

from oss_local_cloud.signatures.credentials import ACCOUNT_ID
from oss_local_cloud.smq import request_bodies, response_bodies, tables
from oss_local_cloud.smq.api_call import ApiCall, created, done, xml
from oss_local_cloud.smq.attributes import SubscriptionAttributes, TopicAttributes


async def list_topics(call: ApiCall) -> Response:
    """ListTopic: a page of addresses, with all attributes when x-mns-with-meta asks for them."""
    asked = call.listing()
    page = await call.service.run(lambda db: tables.list_topics(db, asked))
    items = [
        {"TopicURL": call.address("topics", stored.name)}
        | (response_bodies.topic_fields(stored) if call.with_meta() else {})
        for stored in page.items
    ]
    return xml(response_bodies.listing("Topics", "Topic", items, page.next_marker))


async def put_topic(call: ApiCall) -> Response:
    """CreateTopic, or SetTopicAttributes with `metaoverride=true`."""
    (name,) = call.names
    if call.overrides():
        fields = call.required_fields("Topic")
        await call.service.run(lambda db: tables.set_topic(db, name, fields, call.service.now_ms()))
        return done()
    made = await call.service.create_topic(name, TopicAttributes().changed(call.fields("Topic")))
    return created(made, call.address("topics", name))


async def get_topic(call: ApiCall) -> Response:
    """GetTopicAttributes."""
    (name,) = call.names
    stored = await call.service.run(lambda db: tables.get_topic(db, name))
    return xml(response_bodies.single("Topic", response_bodies.topic_fields(stored)))


async def delete_topic(call: ApiCall) -> Response:
    """DeleteTopic, with its subscriptions."""
    (name,) = call.names
    await call.service.run(lambda db: tables.delete_topic(db, name))
    return done()


async def publish(call: ApiCall) -> Response:
    """PublishMessage: the message is in the subscribed queues before the publisher is answered."""
    (name,) = call.names
    body, tag = request_bodies.topic_message(call.body)
    return xml(response_bodies.sent([await call.service.publish(name, body.encode(), tag)], batch=False), 201)


async def list_subscriptions(call: ApiCall) -> Response:
    """ListSubscriptionByTopic."""
    (name,) = call.names
    asked = call.listing()
    page = await call.service.run(lambda db: tables.list_subscriptions(db, name, asked))
    items = [{"SubscriptionURL": call.address("topics", name, "subscriptions", stored.name)} for stored in page.items]
    return xml(response_bodies.listing("Subscriptions", "Subscription", items, page.next_marker))


async def put_subscription(call: ApiCall) -> Response:
    """Subscribe, or SetSubscriptionAttributes with `metaoverride=true`."""
    topic, name = call.names
    fields = call.required_fields("Subscription")
    if call.overrides():
        await call.service.run(lambda db: tables.set_subscription(db, topic, name, fields, call.service.now_ms()))
        return done()
    wanted = SubscriptionAttributes.parse(fields, call.service.region, ACCOUNT_ID)
    made = await call.service.run(lambda db: tables.subscribe(db, topic, name, wanted, call.service.now_ms()))
    return created(made, call.address("topics", topic, "subscriptions", name))


async def get_subscription(call: ApiCall) -> Response:
    """GetSubscriptionAttributes."""
    topic, name = call.names
    stored = await call.service.run(lambda db: tables.get_subscription(db, topic, name))
    return xml(response_bodies.single("Subscription", response_bodies.subscription_fields(topic, stored)))


async def unsubscribe(call: ApiCall) -> Response:
    """Unsubscribe."""
    topic, name = call.names
    await call.service.run(lambda db: tables.unsubscribe(db, topic, name))
    return done()
