"""A time line of bounded length, whatever the duration: when it is full, neighbours are merged in pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class BoundedTimeline:
    """Columns of `step` samples each, along axis 1; at most `limit` of them.

    Filled with columns of `base` samples. Each time there would be more than `limit`, `step` doubles and
    `merge(even, odd)` makes one column of two; so ten hours take the memory of a minute.
    """

    def __init__(self, base: int, limit: int, merge: Callable[[Array, Array], Array]) -> None:
        self.step = base
        self._base = base
        self._limit = limit
        self._merge = merge
        self._columns: Array | None = None
        self._pending: Array | None = None

    def add(self, columns: Array) -> None:
        """Append columns of `base` samples each."""
        factor = self.step // self._base
        waiting = columns if self._pending is None else np.concatenate((self._pending, columns), axis=1)
        whole = waiting.shape[1] - waiting.shape[1] % factor
        self._pending = waiting[:, whole:]
        self._append(self._merged(waiting[:, :whole], factor))

    def columns(self) -> Array:
        """All columns, none when nothing was added; the last one may stand for fewer samples."""
        if self._columns is None:
            return np.zeros((1, 0))
        if self._pending is None or not self._pending.shape[1]:
            return self._columns
        rest = self._pending[:, :1]
        for index in range(1, self._pending.shape[1]):
            rest = self._merge(rest, self._pending[:, index : index + 1])
        return np.concatenate((self._columns, rest), axis=1)

    def _merged(self, columns: Array, factor: int) -> Array:
        while factor > 1:
            columns = self._merge(columns[:, 0::2], columns[:, 1::2])
            factor //= 2
        return columns

    def _append(self, columns: Array) -> None:
        self._columns = columns if self._columns is None else np.concatenate((self._columns, columns), axis=1)
        while self._columns.shape[1] > self._limit:
            count = self._columns.shape[1]
            odd = self._columns[:, count - count % 2 :]
            self._columns = self._merged(self._columns[:, : count - count % 2], 2)
            if odd.shape[1]:
                # Half a new column: it waits for its other half, as base columns would.
                raise_to = self.step // self._base
                pending = np.repeat(odd, raise_to, axis=1)
                self._pending = pending if self._pending is None else np.concatenate((pending, self._pending), axis=1)
            self.step *= 2
