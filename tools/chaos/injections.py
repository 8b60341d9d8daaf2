"""The plan of a run: which process is killed or stopped, how, and after which pause. It follows from the seed."""

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

MAIN_TARGETS = (
    *(WORKER, WORKER, WORKER, TRIGGERER, SECOND_TRIGGERER),
    *(SCHEDULER, SCHEDULER, LOCAL_CLOUD, LOCAL_CLOUD, POSTGRESQL),
)
"""Targets of each dozen of injections, with two of `SIDE_TARGETS`. They are shuffled within the dozen, so that twelve
injections leave none of these out."""

SIDE_TARGETS = ((REDIS, DAG_PROCESSOR), (API_SERVER, REDIS))
"""Further targets of each dozen, in turns."""

PAUSE = (1.0, 5.0)
"""Seconds between two injections, at least and at most."""

SHORTEST_STOP = 2.0
"""Seconds of the shortest SIGSTOP, and the shortest time for which orphans live on."""


class InjectionKind(StrEnum):
    """What is done to a target."""

    KILL = "kill -9"  # with all its descendants, as when its container or machine is gone
    KILL_PARENT = "kill -9 of the parent alone"  # its children live on for a while, as orphans
    KILL_CHILD = "kill -9 of one child"  # as the system does when memory runs out
    STOP = "SIGSTOP"


WEIGHTS = {
    InjectionKind.KILL: 4,
    InjectionKind.KILL_PARENT: 1,
    InjectionKind.KILL_CHILD: 2,
    InjectionKind.STOP: 3,
}
"""How often each kind is drawn, of ten."""


@dataclass(frozen=True)
class PlannedInjection:
    """One injection as it was drawn.

    Attributes:
        target: name of the process.
        kind: what is done to it.
        pause: seconds before it.
        seconds: how long a stop lasts, or orphans live on.
        which: 0 to 1; which of the target's children, from the oldest to the youngest.
    """

    target: str
    kind: InjectionKind
    pause: float
    seconds: float
    which: float


def plan_injections(count: int, seed: int, longest: float) -> list[PlannedInjection]:
    """Draw injections.

    Args:
        count: how many.
        seed: the same seed gives the same plan.
        longest: seconds of the longest stop. Short ones are more frequent: as many last 2 to 4 as 10 to 20.

    Returns:
        The injections in their order.
    """
    source = random.Random(seed)
    targets = _targets(source)
    return [_draw(source, next(targets), longest) for _ in range(count)]


def _targets(source: random.Random) -> Iterator[str]:
    dozen = 0
    while True:
        targets = [*MAIN_TARGETS, *SIDE_TARGETS[dozen % len(SIDE_TARGETS)]]
        source.shuffle(targets)
        yield from targets
        dozen += 1


def _draw(source: random.Random, target: str, longest: float) -> PlannedInjection:
    kind = source.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    seconds = math.exp(source.uniform(math.log(SHORTEST_STOP), math.log(longest)))
    return PlannedInjection(target, kind, source.uniform(*PAUSE), seconds, source.random())
