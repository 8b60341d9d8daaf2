"""The flow of work through a step: in parts of bounded size, through threads whose results come in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def gathered(groups: Iterable[Sequence[Item]], least: int) -> Iterator[list[Sequence[Item]]]:
    """Lists of groups that hold `least` items or a few more together; the last one may hold fewer."""
    gathering: list[Sequence[Item]] = []
    count = 0
    for group in groups:
        gathering.append(group)
        count += len(group)
        if count >= least:
            yield gathering
            gathering, count = [], 0
    if gathering:
        yield gathering


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int
) -> Iterator[Result]:
    """Like `pool.map`, but only `ahead` items are taken, under way or waiting to be fetched at any time."""
    running: deque[Future[Result]] = deque()
    for item in items:
        running.append(pool.submit(work, item))
        if len(running) >= ahead:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()
