"""Retries of single requests: for a connection that broke, or a service that is moved for a minute.

Only requests that may be made twice are retried here. Longer outages are left to Airflow's retries of the task.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from oss_audio_core.oss.error_classification import is_transient

T = TypeVar("T")

TRIES = 4
"""The most tries of one request."""

PAUSES = (0.5, 3.0, 6.0)
"""Seconds between the tries of a call."""

BACKOFF = 1.5
"""Seconds; urllib3 waits 0, 2 and 4 times as long before the second, third and fourth try of a request."""

JITTER = 1.0
"""The most random seconds on top of the back-off, so that threads don't retry at the same moment."""

_IDEMPOTENT = frozenset({"GET", "HEAD", "DELETE"})
"""No POST: it may be a submit, which is paid for. No PUT: oss2's bodies can be read only once."""

_RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})


def with_retries(call: Callable[[], T]) -> T:
    """Make a call that may be made twice; repeat it after an outage, a 5xx or throttling.

    Returns:
        What the call returned.

    Raises:
        Exception: what the last try raised.
    """
    for pause in PAUSES:
        try:
            return call()
        except Exception as exception:
            if not is_transient(exception):
                raise
        time.sleep(pause)
    return call()


def retrying_adapter(pool_size: int) -> Any:
    """A `requests` adapter that retries GET, HEAD and DELETE as `with_retries` does.

    PUT and POST are retried only where they surely weren't sent; `with_retries` is for those that may be repeated.
    After the last try the adapter returns the service's answer, or raises what `requests` raises. A server that is
    silent until the read time-out gets three tries. Retry-After is not heeded: it may name hours.

    Args:
        pool_size: connections that the adapter keeps.
    """
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    retries = Retry(
        total=TRIES - 1,
        read=2,
        allowed_methods=_IDEMPOTENT,
        status_forcelist=_RETRIED_STATUSES,
        backoff_factor=BACKOFF,
        backoff_jitter=JITTER,
        respect_retry_after_header=False,
        raise_on_status=False,
    )
    return HTTPAdapter(pool_connections=pool_size, pool_maxsize=pool_size, max_retries=retries)
