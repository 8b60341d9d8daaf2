"""Whether sources still exist that own what another one wants.

A listing can't tell: a run leaves sources out by age, size, pattern and storage class. So OSS is asked, outside of any
transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

CONCURRENCY = 8
"""Objects asked about at once."""


class SourceExistence:
    """What is known of the owners that one planning meets.

    Attributes:
        can_ask: whether there is a bucket to ask; without one every source is taken to exist.
        asked: whether OSS was asked, once for all.
    """

    def __init__(self, bucket: Any) -> None:
        """Of an `oss2.Bucket`'s sources; None: there is no bucket to ask."""
        self._bucket = bucket
        self._gone: dict[str, bool] = {}
        self.can_ask = bucket is not None
        self.asked = False

    def is_unknown(self, key: str) -> bool:
        """Whether OSS can be asked about a source, and was not."""
        return self.can_ask and key not in self._gone

    def is_gone(self, key: str) -> bool:
        """Whether a source's object is gone. One that is not known of is taken to exist: it keeps what it owns."""
        return self._gone.get(key, False)

    def ask(self, keys: Iterable[str]) -> None:
        """Ask about sources: one HEAD each.

        Raises:
            oss2.exceptions.OssError, requests.RequestException: as the SDK raises it.
        """
        unknown = sorted(key for key in set(keys) if self.is_unknown(key))
        with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="source-existence") as pool:
            self._gone.update(zip(unknown, pool.map(self._is_missing, unknown), strict=True))
        self.asked = True

    def _is_missing(self, key: str) -> bool:
        import oss2

        try:
            self._bucket.head_object(key)
        except oss2.exceptions.NotFound:
            return True
        return False
