"""Searching for submits whose answers were lost: for their outputs, then for their tasks among those that IMM lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from oss_audio_core.catalogue import inbox
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.oss import ImmTasks, OssSettings, is_transient
from oss_audio_core.oss.imm import ListedTask
from oss_audio_core.pipeline.submitting.errors import NoAnswer
from oss_audio_core.text.logs import get_logger

log = get_logger(__name__)

CLOCK_DIFFERENCE = timedelta(minutes=16)
"""How far the service's clock and this machine's may differ when a task is searched for by its time. OSS itself accepts
requests of a clock that is wrong by 15 minutes."""

GIVE_UP_AFTER = 3
"""Outputs in a row without an answer after which the remaining ones are left to the next try."""

LOG_EVERY = 100
"""Pages of tasks between two lines of progress in the log."""


@dataclass(frozen=True)
class Found:
    """Traces of an attempt; without any it was not accepted.

    Attributes:
        task_id: of its task.
        output: whether its finished output stands at its own key.
    """

    task_id: str | None = None
    output: bool = False


class LostSubmitFinder:
    """Searches for the outputs and the tasks of attempts. Its requests may be made again, and are retried.

    A staged attempt's key is its own, so an object at that key is its output. A directly published attempt writes to a
    key where an older rendition may stand, so only its task counts, and only one that the catalogue has for no other
    attempt.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        settings: OssSettings,
        tasks: ImmTasks,
        lease: timedelta,
        renew_claims: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; nothing is requested yet.

        Args:
            catalogue: knows the tasks of other attempts.
            settings: where outputs are.
            tasks: IMM.
            lease: how long a claim lasts; no POST is sent later than that after its claim.
            renew_claims: called before every request; a search may outlast the claims of its attempts.
        """
        self._catalogue = catalogue
        self._settings = settings
        self._tasks = tasks
        self._lease = lease
        self._renew_claims = renew_claims

    def find(self, attempts: Iterable[Conversion]) -> Iterator[tuple[Conversion, Found | NoAnswer]]:
        """Yield what became of each attempt, as soon as it is known; NoAnswer where it could not be found out.

        Outputs are checked first, one by one. Then the tasks of all attempts without an output are searched for in one
        walk through the tasks that IMM lists for their time. After GIVE_UP_AFTER outputs in a row without an answer,
        the outputs behind them are left out. A refusal doesn't count: it may concern one object alone.
        """
        without_output: list[Conversion] = []
        buckets: dict[str, Any] = {}
        failures = 0
        for attempt in attempts:
            if attempt.output_key is None or attempt.output_bucket is None:
                yield attempt, Found()
            elif attempt.publish != "staged":
                without_output.append(attempt)
            else:
                self._renew_claims()
                try:
                    if attempt.output_bucket not in buckets:
                        buckets[attempt.output_bucket] = self._settings.bucket(attempt.output_bucket)
                    exists = buckets[attempt.output_bucket].object_exists(attempt.output_key)
                except Exception as error:  # noqa: BLE001 - the errors of the SDKs share no base
                    output = f"oss://{attempt.output_bucket}/{attempt.output_key}"
                    yield attempt, self._no_answer(error, f"Looking for the output of a lost submit, {output},")
                    failures = failures + 1 if is_transient(error) else 0
                    if failures == GIVE_UP_AFTER:
                        break
                    continue
                failures = 0
                if exists:
                    yield attempt, Found(output=True)
                else:
                    without_output.append(attempt)
        for group in self._groups(without_output):
            yield from self._find_tasks(group)

    def _groups(self, attempts: Iterable[Conversion]) -> Iterator[list[Conversion]]:
        """Attempts by their source's bucket and, within it, by overlapping spans of time, each group in that order."""
        ordered = sorted(attempts, key=lambda one: (one.bucket, _claimed_at(one), one.id))
        for _, of_bucket in groupby(ordered, key=lambda one: one.bucket):
            group: list[Conversion] = []
            for attempt in of_bucket:
                if group and self._since(attempt) > self._until(group[-1]):
                    yield group
                    group = []
                group.append(attempt)
            yield group

    def _find_tasks(self, attempts: Sequence[Conversion]) -> Iterator[tuple[Conversion, Found | NoAnswer]]:
        lost = {f"oss://{one.output_bucket}/{one.output_key}": one for one in attempts}
        pages = self._tasks.list_tasks(
            attempts[0].bucket, since=self._since(attempts[0]), until=self._until(attempts[-1])
        )
        number = 0
        while lost:
            self._renew_claims()
            try:
                page = next(pages, None)
            except Exception as error:  # noqa: BLE001 - the errors of the SDKs share no base
                what = f"Looking for the tasks of {len(lost)} lost submits of sources in oss://{attempts[0].bucket}"
                no_answer = self._no_answer(error, what)
                yield from ((attempt, no_answer) for attempt in lost.values())
                return
            if page is None:
                yield from ((attempt, Found()) for attempt in lost.values())
                return
            for task in page:
                for output in task.outputs & lost.keys():
                    if self._may_belong(task, lost[output]):
                        yield lost.pop(output), Found(task_id=task.task_id)
            number += 1
            if number % LOG_EVERY == 0:
                log.info("searched %d pages of tasks for those of %d lost submits", number, len(lost))

    def _may_belong(self, task: ListedTask, attempt: Conversion) -> bool:
        """Whether a task that writes to an attempt's key is the attempt's: of its time, and of no other attempt."""
        if task.started is not None and not self._since(attempt) <= task.started <= self._until(attempt):
            return False
        with self._catalogue.read() as connection:
            return bool(inbox.unknown_tasks(connection, [task.task_id]))

    def _since(self, attempt: Conversion) -> datetime:
        return _claimed_at(attempt) - CLOCK_DIFFERENCE

    def _until(self, attempt: Conversion) -> datetime:
        return _claimed_at(attempt) + self._lease + CLOCK_DIFFERENCE

    def _no_answer(self, error: Exception, what: str) -> NoAnswer:
        # The SDKs' exceptions carry headers and addresses: only their sentence is kept.
        return NoAnswer(self._settings.explain(error, what))


def _claimed_at(attempt: Conversion) -> datetime:
    return attempt.claimed_at or attempt.created_at
