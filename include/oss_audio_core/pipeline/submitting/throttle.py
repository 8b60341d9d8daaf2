"""The throttle of one shard's submits: its pace, and for how long the service has accepted nothing."""

from __future__ import annotations

import time

from oss_audio_core.pipeline.submitting.rate_limiter import AdaptiveRateLimiter
from oss_audio_core.text.logs import get_logger

log = get_logger(__name__)

GIVE_UP_AFTER = 600.0
"""Seconds of throttling without one accepted submit after which the shard is left to a later try."""


class Throttle:
    """How fast the submits of a shard may go out."""

    def __init__(self, per_second: float | None) -> None:
        """Start at the ceiling, in submits a second; None: no limit."""
        self._limiter = AdaptiveRateLimiter(per_second)
        self._since: float | None = None

    def wait(self) -> float:
        """Seconds until the next submit may go out; 0 or less: now."""
        return self._limiter.wait()

    def allowed(self, wanted: int) -> int:
        """How many of the wanted submits may go out now; they count as sent."""
        return self._limiter.allowed(wanted)

    def on_accepted(self) -> None:
        """The service accepted a submit: the pace recovers."""
        self._limiter.on_success()
        self._since = None

    def on_throttled(self, sent_at: float, code: str | None) -> bool:
        """The service accepted nothing for now: slow down.

        Args:
            sent_at: when the request was claimed, monotonic.
            code: of the service's error.

        Returns:
            Whether this has lasted for GIVE_UP_AFTER.
        """
        at = time.monotonic()
        self._since = self._since or at
        if at - self._since > GIVE_UP_AFTER:
            return True
        if self._limiter.on_throttled(sent_at):
            log.warning("OSS throttles submits (%s): continuing at %.2g a second", code, self._limiter.per_second)
        return False
