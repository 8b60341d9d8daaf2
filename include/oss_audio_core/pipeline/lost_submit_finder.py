"""What became of submits whose answers nobody heard: their outputs, or tasks, are looked for where only they can be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from oss_audio_core.catalogue import inbox
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.oss import ImmTasks, OssSettings, is_outage
from oss_audio_core.oss.imm import ListedTask

log = logging.getLogger(__name__)

CLOCK_DIFFERENCE = timedelta(minutes=16)
"""How far the service's clock and ours may differ when an attempt's task is looked for by its time. OSS itself accepts
requests of a clock that is wrong by 15 minutes."""

GIVE_UP_AFTER = 3
"""So many outputs in a row for which nobody answers, and those behind them are left to the next try."""

TELL_EVERY = 100
"""A walk through the tasks says how far it is every so many pages."""


@dataclass(frozen=True)
class Found:
    """Traces of an attempt: its task, or its finished output at its own key; without either it was not accepted."""

    task_id: str | None = None
    output: bool = False


class NoAnswer(RuntimeError):
    """OSS or IMM gave no usable answer; the message says to what. Nothing was decided, a later try may succeed."""


class LostSubmitFinder:
    """Looks for the outputs and the tasks of attempts, patiently: these requests may be made again.

    A staged attempt's key is its own, so an object there is its output. A directly published one writes to a key
    where an older rendition may stand, so only its task can tell: one that is in the catalogue for no other attempt.

    Args:
        lease: how long a claim lasts; later than that after it, its POST has not been sent.
        hold: is called before every request; a search may outlast the claims of what it is for.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        settings: OssSettings,
        tasks: ImmTasks,
        lease: timedelta,
        hold: Callable[[], None] = lambda: None,
    ) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._tasks = tasks
        self._lease = lease
        self._hold = hold

    def look_for(self, attempts: Iterable[Conversion]) -> Iterator[tuple[Conversion, Found | NoAnswer]]:
        """Tell what became of each of the attempts, as soon as it is known; NoAnswer: it isn't.

        Outputs are looked for first, one by one, then the tasks of all that have none, by one walk through those that
        IMM lists for their time. After GIVE_UP_AFTER outputs in a row for which nobody answers, those behind them are
        left out; not after refusals, which may concern these alone.
        """
        without_output: list[Conversion] = []
        buckets: dict[str, Any] = {}
        silent = 0
        for attempt in attempts:
            if attempt.output_key is None or attempt.output_bucket is None:
                yield attempt, Found()
            elif attempt.publish != "staged":
                without_output.append(attempt)
            else:
                self._hold()
                try:
                    if attempt.output_bucket not in buckets:
                        buckets[attempt.output_bucket] = self._settings.bucket(attempt.output_bucket)
                    there = buckets[attempt.output_bucket].object_exists(attempt.output_key)
                except Exception as error:  # noqa: BLE001 - the errors of the SDKs share no base
                    output = f"oss://{attempt.output_bucket}/{attempt.output_key}"
                    yield attempt, self._no_answer(error, f"Looking for the output of a lost submit, {output},")
                    silent = silent + 1 if is_outage(error) else 0
                    if silent == GIVE_UP_AFTER:
                        break
                    continue
                silent = 0
                if there:
                    yield attempt, Found(output=True)
                else:
                    without_output.append(attempt)
        for together in self._walks(without_output):
            yield from self._look_for_tasks(together)

    def _walks(self, attempts: Iterable[Conversion]) -> Iterator[list[Conversion]]:
        """Attempts by their source's bucket, and then those together whose stretches of time touch, in their order."""
        ordered = sorted(attempts, key=lambda one: (one.bucket, _claimed_at(one), one.id))
        for _, of_bucket in groupby(ordered, key=lambda one: one.bucket):
            together: list[Conversion] = []
            for attempt in of_bucket:
                if together and self._since(attempt) > self._until(together[-1]):
                    yield together
                    together = []
                together.append(attempt)
            yield together

    def _look_for_tasks(self, attempts: Sequence[Conversion]) -> Iterator[tuple[Conversion, Found | NoAnswer]]:
        lost = {f"oss://{one.output_bucket}/{one.output_key}": one for one in attempts}
        pages = self._tasks.list_tasks(
            attempts[0].bucket, since=self._since(attempts[0]), until=self._until(attempts[-1])
        )
        number = 0
        while lost:
            self._hold()
            try:
                page = next(pages, None)
            except Exception as error:  # noqa: BLE001 - the errors of the SDKs share no base
                what = f"Looking for the tasks of {len(lost)} lost submits of sources in oss://{attempts[0].bucket}"
                silence = self._no_answer(error, what)
                yield from ((attempt, silence) for attempt in lost.values())
                return
            if page is None:
                yield from ((attempt, Found()) for attempt in lost.values())
                return
            for task in page:
                for output in task.outputs & lost.keys():
                    if self._may_be_of(task, lost[output]):
                        yield lost.pop(output), Found(task_id=task.task_id)
            number += 1
            if number % TELL_EVERY == 0:
                log.info("looked through %d pages of tasks, for those of %d lost submits", number, len(lost))

    def _may_be_of(self, task: ListedTask, attempt: Conversion) -> bool:
        """Whether a task that writes to an attempt's key is the attempt's: of its time, and known for no other one."""
        if task.started is not None and not self._since(attempt) <= task.started <= self._until(attempt):
            return False
        with self._catalogue.read() as connection:
            return bool(inbox.unknown_tasks(connection, [task.task_id]))

    def _since(self, attempt: Conversion) -> datetime:
        return _claimed_at(attempt) - CLOCK_DIFFERENCE

    def _until(self, attempt: Conversion) -> datetime:
        return _claimed_at(attempt) + self._lease + CLOCK_DIFFERENCE

    def _no_answer(self, error: Exception, what: str) -> NoAnswer:
        # The SDKs' exceptions carry headers and addresses: their sentence goes on, they don't.
        return NoAnswer(self._settings.explain(error, what))


def _claimed_at(attempt: Conversion) -> datetime:
    return attempt.claimed_at or attempt.created_at
