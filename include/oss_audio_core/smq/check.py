"""Checks before a batch starts that queue and topic exist: a wrong setting fails one task, at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from oss_audio_core.smq.client import SmqClient
from oss_audio_core.smq.errors import SmqConfigurationError, SmqError, SmqUnavailable
from oss_audio_core.smq.settings import SmqSettings

PAUSES = (2.0, 5.0)
"""Seconds between the tries. With the time-outs below, three tries end within a minute whatever happens."""

REFUSED_OR_EXPIRED = "InvalidSecurityToken"
CONNECT_TIMEOUT = 6.0
READ_TIMEOUT = 8.0


async def acheck_smq(
    settings: SmqSettings, *, queue: str | None, topic: str | None = None, pauses: Sequence[float] = PAUSES
) -> None:
    """Make sure that SMQ answers and has the queue and the topic (None: not looked for).

    An endpoint that can't be reached, or says that it can't serve now, gets one more try per pause; every other answer
    counts at once.

    Raises:
        SmqConfigurationError: a setting is wrong; the message names it and the remedy.
        SmqUnavailable: still no answer, or the STS token was refused: a later try may read its successor.
    """
    hurried = replace(
        settings,
        connect_timeout=min(settings.connect_timeout, CONNECT_TIMEOUT),
        read_timeout=min(settings.read_timeout, READ_TIMEOUT),
    )
    async with SmqClient(hurried) as client:
        for pause in (*pauses, None):
            try:
                if queue is not None:
                    await client.queue_attributes(queue)
                if topic is not None:
                    await client.topic_attributes(topic)
            except SmqUnavailable as error:
                if pause is None:
                    sentence = f"{str(error).removesuffix('.')} ({len(pauses) + 1} tries)."
                    raise type(error)(sentence, code=error.code, status=error.status) from None
                await asyncio.sleep(pause)
            except SmqError as error:
                # One code for a wrong token and for one that has expired, whose successor may be minutes away.
                kind = SmqUnavailable if error.code == REFUSED_OR_EXPIRED else SmqConfigurationError
                raise kind(str(error), code=error.code, status=error.status) from None
            else:
                return


def check_smq(
    settings: SmqSettings, *, queue: str | None, topic: str | None = None, pauses: Sequence[float] = PAUSES
) -> None:
    """`acheck_smq` for synchronous callers (it runs its own event loop)."""
    asyncio.run(acheck_smq(settings, queue=queue, topic=topic, pauses=pauses))
