"""Identifiers shaped like the service's own, as the SDKs' tests and the documentation show them."""

from __future__ import annotations

import secrets
import string
import uuid

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase

TASK_TYPE = "MediaConvert"
"""The task type of audio/convert; IMM has no other one for audio."""


def event_id() -> str:
    """`3D7-1XxFtV2t3VtcOn2CXqI2ldsMN3i`: three hexadecimal digits and 27 letters and digits."""
    return f"{secrets.randbelow(4096):03X}-" + "".join(secrets.choice(_BASE62) for _ in range(27))


def request_id() -> str:
    """`8DF65942-D483-5E7E-BC1A-B25C617A9C32`: an upper-case UUID."""
    return str(uuid.uuid4()).upper()


def task_id() -> str:
    """`MediaConvert-d2280366-cd33-48f7-90c6-a0dab65bed63`."""
    return f"{TASK_TYPE}-{uuid.uuid4()}"
