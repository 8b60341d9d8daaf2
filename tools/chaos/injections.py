"""The plan of a run: who is hit, in which manner, after how long a pause. All of it follows from the seed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tools.stack.components import (
    API_SERVER,
    DAG_PROCESSOR,
    LOCAL_CLOUD,
    POSTGRESQL,
    REDIS,
    SCHEDULER,
    SECOND_TRIGGERER,
    TRIGGERER,
    WORKER,
)

DECK = (WORKER, WORKER, WORKER, TRIGGERER, SECOND_TRIGGERER, SCHEDULER, SCHEDULER, LOCAL_CLOUD, LOCAL_CLOUD, POSTGRESQL)
"""Victims of twelve hits, with `SIDE`: shuffled for each dozen, so that twelve hits leave none of these out."""

SIDE = ((REDIS, DAG_PROCESSOR), (API_SERVER, REDIS))
"""What each dozen has besides, in turns."""

PAUSE = (1.0, 5.0)
STANDSTILL = 2.0
"""Seconds between two hits; of the shortest SIGSTOP, and the shortest time for which orphans live on."""


class Manner(StrEnum):
    """What is done to a victim."""

    WHOLE = "kill -9"  # with all its descendants, as when its container or machine is gone
    PARENT = "kill -9 of the parent alone"  # its children live on for a while, as orphans
    CHILD = "kill -9 of one child"  # as the system does when memory runs out
    STOP = "SIGSTOP"


MANNERS = {Manner.WHOLE: 4, Manner.PARENT: 1, Manner.CHILD: 2, Manner.STOP: 3}
"""How often each is drawn, of ten."""


@dataclass(frozen=True)
class PlannedHit:
    """One hit as it was drawn.

    Attributes:
        pause: seconds before it.
        seconds: of a standstill, or for which orphans live on.
        which: 0 to 1; which of the victim's children, from the oldest to the youngest.
    """

    victim: str
    manner: Manner
    pause: float
    seconds: float
    which: float


def plan_hits(count: int, seed: int, longest: float) -> list[PlannedHit]:
    """Draw `count` hits.

    Args:
        longest: seconds of the longest standstill. Short ones are more frequent: as many last 2 to 4 as 10 to 20.
    """
    chance = random.Random(seed)
    victims = _victims(chance)
    return [_draw(chance, next(victims), longest) for _ in range(count)]


def _victims(chance: random.Random) -> Iterator[str]:
    dozen = 0
    while True:
        deck = [*DECK, *SIDE[dozen % len(SIDE)]]
        chance.shuffle(deck)
        yield from deck
        dozen += 1


def _draw(chance: random.Random, victim: str, longest: float) -> PlannedHit:
    manner = chance.choices(list(MANNERS), list(MANNERS.values()))[0]
    seconds = math.exp(chance.uniform(math.log(STANDSTILL), math.log(longest)))
    return PlannedHit(victim, manner, chance.uniform(*PAUSE), seconds, chance.random())
