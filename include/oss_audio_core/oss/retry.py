"""Asking once more: what a request does when the service is away for a moment, where a second one changes nothing.

Outages that last are for whoever runs the task again; these few seconds are for a connection that broke, or for the
minute in which a service is moved.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from oss_audio_core.oss.error_classification import is_outage

T = TypeVar("T")

TRIES = 4
"""How often a request is made at most."""

PAUSES = (0.5, 3.0, 6.0)
"""Seconds between the tries of a call."""

BACKOFF = 1.5
"""Seconds; urllib3 waits 0, 2 and 4 times as long before the second, third and fourth try of a request."""

JITTER = 1.0
"""Seconds, at most, on top of that: not all threads come back at the same moment."""

_REPEATABLE = frozenset({"GET", "HEAD", "DELETE"})
"""No POST: it may be a submit, which is paid for. No PUT: oss2's bodies can be read only once."""

_PASSING = frozenset({429, 500, 502, 503, 504})


def patiently(call: Callable[[], T]) -> T:
    """Make a call that may be made twice; when nobody answers, or the service can't serve now, make it again.

    Raises what the last of the tries raised.
    """
    for pause in PAUSES:
        try:
            return call()
        except Exception as exception:
            if not is_outage(exception):
                raise
        time.sleep(pause)
    return call()


def patient_adapter(pool_size: int) -> Any:
    """A `requests` adapter that makes GET, HEAD and DELETE again as `patiently` does; PUT and POST are the caller's.

    Those are made again only where they surely weren't sent. After the last try it returns the service's answer, or
    raises what `requests` raises. A server that is silent until the read time-out is asked three times. Retry-After is
    not heeded: it may name hours.
    """
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    retries = Retry(
        total=TRIES - 1,
        read=2,
        allowed_methods=_REPEATABLE,
        status_forcelist=_PASSING,
        backoff_factor=BACKOFF,
        backoff_jitter=JITTER,
        respect_retry_after_header=False,
        raise_on_status=False,
    )
    return HTTPAdapter(pool_connections=pool_size, pool_maxsize=pool_size, max_retries=retries)
