"""What the RAM user of the SMQ connection must be allowed, and what for: each action as SMQ calls it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {
        "mns:ReceiveMessage": "receive the messages of the queue",
        "mns:DeleteMessage": "delete them",
        "mns:GetQueueAttributes": "see that the queue is there before anything is submitted",
        "mns:GetTopicAttributes": "see that the topic is",
    }
)
