"""What became of a submit whose answer nobody heard: its output, or its task, is looked for where only it can be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from include.catalogue.conversions import Conversion
from include.catalogue.database import Catalogue
from include.catalogue.schema import conversion
from include.oss import ImmTasks, OssSettings

#: How far the service's clock and ours may differ when an attempt's task is looked for by its time. OSS itself accepts
#: requests of a clock that is wrong by 15 minutes.
CLOCK_DIFFERENCE = timedelta(minutes=16)


@dataclass(frozen=True)
class Found:
    """Traces of an attempt: its task, or its finished output at its own key."""

    task_id: str | None = None
    output: bool = False


class NoAnswer(RuntimeError):
    """OSS or IMM gave no usable answer; the message says to what. Nothing was decided, a later try may succeed."""


def look_for(
    catalogue: Catalogue, settings: OssSettings, tasks: ImmTasks, attempt: Conversion, lease: timedelta
) -> Found:
    """Look for the task and the output of one attempt, patiently: these requests may be made again.

    A staged attempt's key is its own, so an object there is its output. A directly published one writes to a key
    where an older rendition may stand, so only its task can tell: one that is in the catalogue for no other attempt.

    Args:
        lease: how long a claim lasts; later than that after it, its POST has not been sent.

    Raises:
        NoAnswer: no answer, or one that tells nothing about the attempt.
    """
    try:
        return _look_for(catalogue, settings, tasks, attempt, lease)
    except Exception as error:  # noqa: BLE001 - the errors of the two SDKs share no base
        what = f"Looking for a lost conversion of oss://{attempt.bucket}/{attempt.key}"
        # `from None`: the SDKs' exceptions carry headers and addresses.
        raise NoAnswer(settings.explain(error, what)) from None


def _look_for(
    catalogue: Catalogue, settings: OssSettings, tasks: ImmTasks, attempt: Conversion, lease: timedelta
) -> Found:
    if attempt.output_key is None or attempt.output_bucket is None:
        return Found()
    if attempt.publish == "staged":
        bucket = settings.bucket(attempt.output_bucket)
        if bucket.object_exists(attempt.output_key):
            return Found(output=True)
    claimed_at = attempt.claimed_at or attempt.created_at
    task_id = tasks.find_task(
        attempt.bucket,
        attempt.output_bucket,
        attempt.output_key,
        since=claimed_at - CLOCK_DIFFERENCE,
        until=claimed_at + lease + CLOCK_DIFFERENCE,
        known=_known(catalogue, attempt),
    )
    return Found(task_id=task_id)


def _known(catalogue: Catalogue, attempt: Conversion) -> set[str]:
    """Tasks of older generations, and of the attempt before, that write to the same target."""
    statement = sa.select(conversion.c.task_id).where(
        conversion.c.target_bucket == attempt.target_bucket,
        conversion.c.target_key == attempt.target_key,
        conversion.c.task_id.is_not(None),
    )
    with catalogue.read() as connection:
        return set(connection.scalars(statement))
