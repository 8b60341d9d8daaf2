"""How a shard is submitted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class SubmitOptions:
    """How a shard is submitted.

    Attributes:
        staging: prefix of the keys that attempts write to, in the target's bucket; ends with "/".
        topic: SMQ topic that gets the notification; None: no message is asked for.
        concurrency: POSTs at once.
        per_second: POSTs a second at most; None: no limit.
        in_flight: conversions that the endpoint may have at once, over all runs; None: no limit.
        deadline: a conversion that is not done this long after its submit has failed.
    """

    staging: str = ".staging/"
    topic: str | None = None
    concurrency: int = 16
    per_second: float | None = None
    in_flight: int | None = None
    deadline: timedelta = timedelta(hours=6)
