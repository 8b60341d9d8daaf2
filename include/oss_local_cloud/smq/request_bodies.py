"""The bodies of SMQ requests about messages: <Message>, <Messages>, <ReceiptHandles>."""

from __future__ import annotations

from oss_local_cloud.smq.attributes import LONGEST_TAG, MOST_MESSAGES_IN_A_BATCH, whole_number
from oss_local_cloud.smq.errors import invalid_argument, malformed_xml
from oss_local_cloud.smq.messages import DEFAULT_PRIORITY, NewMessage, Properties
from oss_local_cloud.smq.xml import Element, parse

_PROPERTIES = {"UserProperties": "PropertyValue", "SystemProperties": "SystemPropertyValue"}
_QUEUE_FIELDS = {"MessageBody", "DelaySeconds", "Priority", *_PROPERTIES}
_TOPIC_FIELDS = {"MessageBody", "MessageTag"}


def new_messages(body: bytes, largest: int) -> tuple[list[NewMessage], bool]:
    """The messages of a send, and whether it was a batch; `largest` is the queue's MaximumMessageSize in bytes."""
    root = parse(body, "Message", "Messages")
    if root.name == "Message":
        return [_new_message(root, largest)], False
    check_batch_size(len(root.children))
    if any(child.name != "Message" for child in root.children):
        raise malformed_xml("The XML you provided did not validate: Messages has Message elements only.")
    found = [_new_message(child, largest) for child in root.children]
    if sum(len(message.body.encode()) for message in found) > largest:
        raise invalid_argument(f"The total length of the messages in a batch should between 1 and {largest}.")
    return found, True


def topic_message(body: bytes) -> tuple[str, str]:
    """Body and tag ("" for none) of a published message."""
    root = parse(body, "Message")
    fields = root.fields()
    _refuse_unknown(set(fields), _TOPIC_FIELDS)
    tag = fields.get("MessageTag", "")
    if len(tag) > LONGEST_TAG:
        raise invalid_argument(f"The length of MessageTag should between 1 and {LONGEST_TAG}.")
    return _body(fields.get("MessageBody", "")), tag


def receipt_handles(body: bytes) -> list[str]:
    """The handles of a batch delete."""
    root = parse(body, "ReceiptHandles")
    handles = [child.text for child in root.children if child.name == "ReceiptHandle"]
    if len(handles) != len(root.children):
        raise malformed_xml("The XML you provided did not validate: ReceiptHandles has ReceiptHandle only.")
    check_batch_size(len(handles))
    return handles


def check_batch_size(count: int) -> int:
    """Check the number of messages in a batch and return it."""
    if not 1 <= count <= MOST_MESSAGES_IN_A_BATCH:
        raise invalid_argument(f"The number of messages should between 1 and {MOST_MESSAGES_IN_A_BATCH}.")
    return count


def _new_message(element: Element, largest: int) -> NewMessage:
    plain = Element(element.name, children=tuple(child for child in element.children if child.name not in _PROPERTIES))
    fields = plain.fields()
    _refuse_unknown({child.name for child in element.children}, _QUEUE_FIELDS)
    body = _body(fields.get("MessageBody", ""))
    if len(body.encode()) > largest:
        raise invalid_argument(f"The value of MessageBody should between 1 and {largest} bytes.")
    delay = fields.get("DelaySeconds")
    return NewMessage(
        body,
        None if delay is None else whole_number("DelaySeconds", delay, 0, 604800),
        whole_number("Priority", fields.get("Priority", str(DEFAULT_PRIORITY)), 1, 16),
        _properties(element),
    )


def _body(text: str) -> str:
    if not text:
        raise invalid_argument("The value of MessageBody should not be empty.")
    return text


def _properties(element: Element) -> Properties:
    return {
        group.name: [value.fields() for value in group.children if value.name == _PROPERTIES[group.name]]
        for group in element.children
        if group.name in _PROPERTIES
    }


def _refuse_unknown(names: set[str], known: set[str]) -> None:
    for name in sorted(names - known):
        raise invalid_argument(
            f"The XML you provided did not validate against our published schema, cause by Message: {name}."
        )
