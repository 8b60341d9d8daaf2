"""What became of a submit whose answer nobody heard: its output, or its task, is looked for where only it can be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from include.catalogue.conversions import Conversion
from include.oss import OssSettings

#: How far the service's clock and ours may differ when an attempt's task is looked for by its time.
CLOCK_DIFFERENCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Found:
    """Traces of an attempt: its task, or its finished output at its own key."""

    task_id: str | None = None
    output: bool = False


class NoAnswer(RuntimeError):
    """OSS or IMM gave no usable answer; the message says to what. Nothing was decided, a later try may succeed."""


def look_for(settings: OssSettings, attempt: Conversion) -> Found:
    """Look for the task and the output of one attempt.

    A staged attempt's key is its own, so an object there is its output. A directly published one writes to a key
    where an older rendition may stand, so only its task can tell.

    Raises:
        NoAnswer: no answer, or one that tells nothing about the attempt.
    """
    try:
        return _look_for(settings, attempt)
    except Exception as error:  # noqa: BLE001 - the errors of the two SDKs share no base
        what = f"Looking for a lost conversion of oss://{attempt.bucket}/{attempt.key}"
        # `from None`: the SDKs' exceptions carry headers and addresses.
        raise NoAnswer(settings.explain(error, what)) from None


def _look_for(settings: OssSettings, attempt: Conversion) -> Found:
    if attempt.output_key is None or attempt.output_bucket is None:
        return Found()
    if attempt.publish == "staged":
        bucket = settings.bucket(attempt.output_bucket)
        if bucket.object_exists(attempt.output_key):
            return Found(output=True)
    since = (attempt.claimed_at or attempt.created_at) - CLOCK_DIFFERENCE
    task_id = settings.imm().find_task(attempt.bucket, attempt.output_bucket, attempt.output_key, since=since)
    return Found(task_id=task_id)
