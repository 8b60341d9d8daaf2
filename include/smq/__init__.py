"""A small asyncio client of SMQ (Simple Message Queue, formerly MNS) and the decoder of IMM's notifications.

aiohttp is imported when a client is opened, not here: a process that only decodes doesn't pay for it.
"""

from __future__ import annotations

from include.smq.check import acheck_smq, check_smq
from include.smq.client import QueueMessage, SmqClient
from include.smq.decoder import TaskNotification, UndecodableMessage, decode
from include.smq.errors import (
    QueueNotExist,
    SmqConfigurationError,
    SmqCredentialError,
    SmqError,
    SmqUnavailable,
    SmqUnreachable,
    TopicNotExist,
)
from include.smq.settings import SmqSettings

__all__ = [
    "QueueMessage",
    "QueueNotExist",
    "SmqClient",
    "SmqConfigurationError",
    "SmqCredentialError",
    "SmqError",
    "SmqSettings",
    "SmqUnavailable",
    "SmqUnreachable",
    "TaskNotification",
    "TopicNotExist",
    "UndecodableMessage",
    "acheck_smq",
    "check_smq",
    "decode",
]
