"""A small asyncio client of SMQ (Simple Message Queue, formerly MNS) and the decoder of IMM's notifications.

aiohttp is imported when a client is opened, not here: a process that only decodes doesn't pay for it.
"""

from __future__ import annotations

from oss_audio_core.smq.check import acheck_smq, check_smq
from oss_audio_core.smq.client import QueueMessage, SmqClient
from oss_audio_core.smq.decoder import TaskNotification, UndecodableMessage, decode
from oss_audio_core.smq.errors import (
    QueueNotExist,
    SmqConfigurationError,
    SmqCredentialError,
    SmqError,
    SmqUnavailable,
    SmqUnreachable,
    TopicNotExist,
)
from oss_audio_core.smq.settings import SmqSettings

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
