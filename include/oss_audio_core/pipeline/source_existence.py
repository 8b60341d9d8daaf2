"""Whether sources still exist that own what another one wants.

A listing can't tell: a run leaves sources out by age, size, pattern and storage class. So OSS is asked, which no
transaction waits for: planning notes whom it has met, is undone, and begins again when the answers are there.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

CONCURRENCY = 8
"""Objects asked about at once."""


class SourceExistence:
    """What is known of the owners that one planning meets."""

    def __init__(self, bucket: Any) -> None:
        """Of an `oss2.Bucket`'s sources; None: nobody can ask, and all of them are taken to be there."""
        self._bucket = bucket
        self._gone: dict[str, bool] = {}
        self._met: set[str] = set()

    @property
    def unknown(self) -> bool:
        """Whether sources were met that nobody has asked about: what was decided by `is_gone` is to be undone."""
        return bool(self._met)

    def is_gone(self, key: str) -> bool:
        """Whether a source's object is gone; as long as it isn't known, it is taken to be, for finding more of them."""
        if self._bucket is None:
            return False
        if key not in self._gone:
            self._met.add(key)
        return self._gone.get(key, True)

    def find_out(self) -> None:
        """Ask about those that were met: one HEAD each.

        Raises:
            oss2.exceptions.OssError, requests.RequestException: as the SDK raises it.
        """
        met = sorted(self._met)
        with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="whereabouts") as pool:
            self._gone.update(zip(met, pool.map(self._ask, met), strict=True))
        self._met.clear()

    def _ask(self, key: str) -> bool:
        import oss2

        try:
            self._bucket.head_object(key)
        except oss2.exceptions.NotFound:
            return True
        return False
