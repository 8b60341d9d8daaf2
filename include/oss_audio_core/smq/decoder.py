"""Reads IMM's task notification out of a queue message, whatever it is wrapped in.

IMM publishes to a topic, SMQ pushes the topic into a queue, and each may wrap what it carries: the
subscription's NotifyContentFormat adds an XML or JSON envelope or none (SIMPLIFIED), some publishers write
Base64, IMM's own envelope holds the task as a JSON string (`content`), and EventBridge delivers CloudEvents
(`data`). IMM's English page shows the bare task. So the layers are taken off until a task is found.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oss_audio_core.smq.documents import UnreadableXml, children, local_name, parse

MAX_LAYERS = 8
"""The deepest real nesting is four (Base64, SMQ envelope, IMM envelope, task)."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class UndecodableMessage(ValueError):
    """A queue message that is no IMM task notification; the message says what it looked like instead."""


@dataclass(frozen=True)
class TaskNotification:
    """What IMM says about a finished task.

    Attributes:
        task_id: what the submit returned; the only thing that ties the message to a conversion, because OSS leaves
            UserData empty.
        status: `Succeeded` or `Failed`.
        code: the reason of a failure; empty otherwise.
        message: the reason of a failure; empty otherwise.
        task_type: `MediaConvert` for audio/convert; empty when the message names none.
        raw: the task as IMM wrote it (ProjectName, StartTime, EndTime, Sources, Targets …).
    """

    task_id: str
    status: str
    code: str
    message: str
    task_type: str
    raw: Mapping[str, Any] = field(repr=False, hash=False)

    @property
    def sources(self) -> list[str]:
        """The addresses that the task read, `oss://bucket/key`; none when the message names none."""
        return _addresses(self.raw.get("Sources"))

    @property
    def targets(self) -> list[str]:
        """The addresses that the task wrote to; IMM names them when it succeeded."""
        return _addresses(self.raw.get("Targets"))


def decode(body: bytes) -> TaskNotification:
    """Return the task notification in a queue message's body.

    Raises:
        UndecodableMessage: it has none; no other error is raised.
    """
    layer: object = body
    for _ in range(MAX_LAYERS):
        if isinstance(layer, bytes):
            layer = _text(layer)
        layer = _read(layer) if isinstance(layer, str) else layer
        if isinstance(layer, dict):
            if "TaskId" in layer:
                return _notification(layer)
            layer = _inner(layer)
        elif not isinstance(layer, bytes):
            raise UndecodableMessage(f"the message holds a JSON {type(layer).__name__}, not an object")
    raise UndecodableMessage(f"the message is wrapped more than {MAX_LAYERS} times")


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UndecodableMessage("the message isn't UTF-8 text") from None


def _read(text: str) -> object:
    """Parse one layer of text: JSON, an XML envelope's message, or Base64."""
    text = text.strip()
    if not text:
        raise UndecodableMessage("the message is empty")
    if text[0] in "{[":
        try:
            loaded: object = json.loads(text)
            return loaded
        except (ValueError, RecursionError):
            raise UndecodableMessage("the message begins like JSON and isn't") from None
    if text[0] == "<":
        return _xml_message(text).encode("utf-8", "surrogatepass")
    compact = "".join(text.split())
    if _BASE64.fullmatch(compact):
        standard = compact.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        except binascii.Error:
            pass
    raise UndecodableMessage("the message is neither JSON nor XML nor Base64")


def _xml_message(text: str) -> str:
    """The `Message` of SMQ's XML envelope (NotifyContentFormat XML)."""
    try:
        root = parse(text)
    except UnreadableXml as error:
        raise UndecodableMessage(f"the message begins like XML: {error}") from None
    fields = children(root)
    if "Message" not in fields:
        raise UndecodableMessage(f"the message is an XML <{local_name(root)}> without a Message")
    return fields["Message"]


def _inner(envelope: dict[str, Any]) -> object:
    """What an envelope without a TaskId carries: IMM's `content`, CloudEvents' `data`, SMQ's `Message`."""
    for name in ("content", "data", "data_base64", "Message"):
        carried = envelope.get(name)
        if isinstance(carried, (str, dict)):
            return carried
    if "events" in envelope:
        raise UndecodableMessage("the message is an OSS event, not an IMM task: the queue serves two purposes")
    raise UndecodableMessage("the message is JSON without TaskId, content, data or Message")


def _notification(task: dict[str, Any]) -> TaskNotification:
    """Check and take what matters; text goes into a database, so it holds no NUL and no lone surrogate."""
    for name in ("TaskId", "Status"):
        value = task.get(name)
        if not isinstance(value, str) or not value.strip() or _UNSTORABLE.search(value):
            raise UndecodableMessage(f"the task in the message has no usable {name}")
    return TaskNotification(
        task_id=task["TaskId"],
        status=task["Status"],
        code=_clean(task.get("Code")),
        message=_clean(task.get("Message")),
        task_type=_clean(task.get("TaskType")),
        raw=task,
    )


def _addresses(listed: object) -> list[str]:
    uris = (one.get("URI") for one in (listed if isinstance(listed, list) else ()) if isinstance(one, dict))
    return [uri for uri in uris if isinstance(uri, str) and not _UNSTORABLE.search(uri)]


def _clean(value: object) -> str:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else ""
