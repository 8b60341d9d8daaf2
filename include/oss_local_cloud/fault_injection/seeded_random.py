"""Seeded decisions that don't depend on how concurrent requests interleave.

The n-th time a rule meets an identity (an operation on a key, a source with its parameters, …), the outcome follows
from the seed, the number of times this data directory was started, the rule's id, the identity and n, and from
nothing else. So requests with different identities may come in any order, and each retry is a new draw.
"""

from __future__ import annotations

import hashlib
from random import Random


class SeededRandom:
    """The draws of one start of the local cloud. Counts the occasions, some 100 bytes per rule and identity."""

    def __init__(self, seed: int, start: int) -> None:
        self._origin = f"{seed}|{start}|"
        self._draws: dict[int, int] = {}

    def draw(self, rule: str, identity: str) -> Random:
        """A generator for this occasion; its values are the decisions, in order."""
        occasion = _hash(f"{self._origin}{rule}|{identity}")
        count = self._draws.get(occasion, 0)
        self._draws[occasion] = count + 1
        return Random(_hash(f"{occasion}|{count}"))  # noqa: S311  # reproducible on purpose, protects nothing


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
