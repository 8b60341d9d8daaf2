"""Checks before a batch starts that the connection works: a wrong setting fails one task, and at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

from oss_audio_core.oss.error_classification import is_token_expired, is_transient
from oss_audio_core.oss.errors import OssConfigurationError, OssUnavailable

if TYPE_CHECKING:
    from oss_audio_core.oss.settings import OssSettings

T = TypeVar("T")

PAUSES = (2.0, 5.0)
"""Seconds between the tries. With the time-outs below, three tries end within a minute whatever happens."""

CONNECT_TIMEOUT = 6.0
READ_TIMEOUT = 10.0


def check_bucket(settings: OssSettings, bucket: str, *, pauses: Sequence[float] = PAUSES) -> datetime:
    """Make sure that the bucket answers and that this account may list it; return the time by OSS's own clock.

    An endpoint that can't be reached, or says that it can't serve now, gets one more try per pause; every other
    answer counts at once. ListObjects is the call, because it is the one permission that each step of a batch needs.

    Raises:
        OssConfigurationError: a setting is wrong; the message names it and the remedy.
        OssUnavailable: still no answer, or none but that OSS can't serve now, or the STS token has expired.
    """
    hurried = _hurried(settings)
    client = hurried.bucket(bucket, session=hurried.session(retry=False))
    answer = _try(settings, f"Opening bucket {bucket!r}", pauses, lambda: client.list_objects_v2(max_keys=1))
    return parsedate_to_datetime(answer.headers["Date"])


def check_imm(settings: OssSettings, bucket: str, *, pauses: Sequence[float] = PAUSES) -> str:
    """Make sure that IMM answers and return the bucket's project; tries and raises as `check_bucket`."""
    tasks = _hurried(settings).imm()
    return _try(settings, f"Asking IMM for the project of bucket {bucket!r}", pauses, lambda: tasks.project_of(bucket))


def _hurried(settings: OssSettings) -> OssSettings:
    return replace(
        settings,
        connect_timeout=min(settings.connect_timeout, CONNECT_TIMEOUT),
        read_timeout=min(settings.read_timeout, READ_TIMEOUT),
    )


# Three SDKs without a common base class: whatever they raise becomes the one error of ours (BLE001).
def _try(settings: OssSettings, what: str, pauses: Sequence[float], call: Callable[[], T]) -> T:
    for pause in (*pauses, None):
        try:
            return call()
        except Exception as exception:  # noqa: BLE001
            again = is_transient(exception)
            if not again or pause is None:
                sentence = settings.explain(exception, what)
                if again:
                    sentence = f"{sentence.removesuffix('.')} ({len(pauses) + 1} tries)."
                passes = again or is_token_expired(exception)
                # `from None`: the SDK's exception quotes headers, addresses and error bodies.
                raise (OssUnavailable if passes else OssConfigurationError)(sentence) from None
        time.sleep(pause)
    raise AssertionError("the last try returned or raised")
