"""`python -m tools.chaos.notifications`: what lost, repeated and reordered notifications change.

The same sources go through two batches, one with undisturbed and one with disturbed notifications. Both must end alike,
and nothing may be accepted twice. The second may end one fallback interval later: after so long without a notification
the service itself is asked.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from benchmarks.clips import make_clips
from oss_local_cloud.fault_injection.admin_client import AdminClient
from oss_local_cloud.fault_injection.durations import Uniform
from oss_local_cloud.fault_injection.rules import AnyRule, Instant, Lost, Reordered, Repeated, Slow
from tools.chaos.batches import DAG_ID
from tools.chaos.catalogue_view import CatalogueView
from tools.chaos.chaos_stack import chaos_stack
from tools.chaos.settings import PROFILE
from tools.demo.upload import oss_settings
from tools.harness import Say, run_harness
from tools.stack import Stack, StackError

ASK_AFTER = 60.0
"""The fallback interval: the sensor's own default."""

WINDOW = 8
"""So many notifications are shuffled together."""

WINDOW_SECONDS = 2.0
"""They are held back for each other so long at most."""

ALLOWANCE = 15.0
"""Seconds by which two equal waits may differ on a busy machine: the start of the waiting task and of its trigger, the
polling round, and the reordering, which holds messages back."""

UNREADABLE = 5
"""Sources that are no audio: a failure is learnt from a notification or from GetTask."""

TIMEOUT = 900.0
WARM_UP, CALM, DISTURBED = "warm-up", "calm", "disturbed"

Result = dict[str, tuple[str, str | None, str | None, int | None]]
"""By the source's key below the batch's own folder: state, code of the failure, ETag and size of the rendition."""


@dataclass(frozen=True)
class BatchResult:
    """A batch that has ended.

    Attributes:
        result: state and rendition of each source.
        waited: seconds from the end of the last `convert` to that of the last `await`. Notifications affect no other
            task.
        whole: seconds that the run took.
        accepted: conversions that the service accepted.
    """

    result: Result
    waited: float
    whole: float
    accepted: int

    def __str__(self) -> str:
        states = Counter(state for state, *_ in self.result.values())
        counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        return f"{counts}; {self.accepted} accepted; waited {self.waited:.1f} s of {self.whole:.1f} s"


def main() -> int:
    """Run the command.

    Returns:
        The exit status: 0, 1 after a broken promise or a failed start, 130 after an interruption.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.chaos.notifications", description=__doc__)
    parser.add_argument("--files", type=int, default=100, help="sources of a batch (default: 100)")
    parser.add_argument("--lost", type=float, default=0.3, help="share of lost notifications (default: 0.3)")
    parser.add_argument("--repeated", type=float, default=0.3, help="share of repeated ones (default: 0.3)")
    parser.add_argument("--seed", type=int, help="the same faults as in another run (default: new ones)")
    options = parser.parse_args()

    def work(folder: Path, seed: int, say: Say) -> Sequence[str]:
        with chaos_stack(folder, seed, ASK_AFTER) as (stack, admin):
            return _compare(stack, admin, disturbances(options.lost, options.repeated), options.files, say)

    promise = "the same result, nothing accepted twice, at most one fallback interval later"
    return run_harness(work, promise, seed=options.seed)


def disturbances(lost: float, repeated: float) -> list[AnyRule]:
    """Return the rules for the second batch's notifications: shares that are lost and repeated, and all reordered."""
    return [
        Lost(rate=lost),
        Repeated(rate=repeated, copies=2, seconds=Uniform(low=0.0, high=5.0)),
        Reordered(window=WINDOW, seconds=WINDOW_SECONDS),
    ]


def differences(calm: BatchResult, disturbed: BatchResult, files: int) -> list[str]:
    """Compare the two batches.

    Args:
        calm: the undisturbed batch.
        disturbed: the disturbed one.
        files: sources that each of them had.

    Returns:
        Each difference that must not be, in one sentence.
    """
    found = [
        f"{key} ended as {disturbed.result.get(key)} and, undisturbed, as {calm.result.get(key)}"
        for key in sorted(calm.result.keys() | disturbed.result.keys())
        if calm.result.get(key) != disturbed.result.get(key)
    ]
    for name, ended in ((CALM, calm), (DISTURBED, disturbed)):
        if len(ended.result) != files:
            found.append(f"{name}: of {files} sources the catalogue has {len(ended.result)}")
        if ended.accepted != files:
            found.append(f"{name}: {ended.accepted} conversions were accepted of {files} sources")
    later = disturbed.waited - calm.waited
    if later > ASK_AFTER + ALLOWANCE:
        found.append(
            f"the disturbed batch waited {later:.1f} s longer: more than {ASK_AFTER:.0f} s + {ALLOWANCE:.0f} s"
        )
    return found


def _compare(stack: Stack, admin: AdminClient, rules: Sequence[AnyRule], files: int, say: Say) -> list[str]:
    stack.airflow.wait_for_dag(DAG_ID)
    say("Airflow and the local cloud are up")
    view = CatalogueView(stack.catalogue_url)
    # Conversions take equally long, so that only the notifications differ.
    plain: list[AnyRule] = [Slow(seconds=2.0), Instant()]
    admin.replace(plain)
    _upload(stack, WARM_UP, 5)
    _run(stack, admin, view, WARM_UP)
    for name in (CALM, DISTURBED):
        _upload(stack, name, files)
    calm = _run(stack, admin, view, CALM)
    say(f"{CALM}: {calm}")
    admin.replace([*rules, *plain])
    disturbed = _run(stack, admin, view, DISTURBED)
    injected = Counter(fault.fault for fault in admin.faults())
    say(f"{DISTURBED}: {disturbed}")
    say(f"of its notifications {injected['lost']} were lost, {injected['repeated']} repeated, all reordered")
    say(f"it waited {disturbed.waited - calm.waited:.1f} s longer; allowed: {ASK_AFTER:.0f} s + {ALLOWANCE:.0f} s")
    view.close()
    wanted = {rule.fault for rule in rules if not isinstance(rule, Reordered) and rule.rate}
    absent = [f"no notification was {fault}: nothing is shown" for fault in sorted(wanted - injected.keys())]
    return [*differences(calm, disturbed, files), *absent]


def _upload(stack: Stack, name: str, files: int) -> None:
    bucket = oss_settings(stack).bucket(stack.cloud_settings.bucket)
    clips = [*islice(make_clips(files), files - UNREADABLE)] if files > UNREADABLE else [*make_clips(files)]
    clips += [(f"odd-{number}.wav", b"this is no audio " * (number + 1)) for number in range(files - len(clips))]
    for key, content in clips:
        bucket.put_object(_prefix(stack, name) + key, content)


def _prefix(stack: Stack, name: str) -> str:
    return f"{stack.cloud_settings.prefix}{name}/"


def _run(stack: Stack, admin: AdminClient, view: CatalogueView, name: str) -> BatchResult:
    prefix = _prefix(stack, name)
    run_id = stack.airflow.trigger(DAG_ID, conf={"prefix": prefix, "profiles": [PROFILE]}, run_id=name)
    ended = stack.airflow.wait_for_run(DAG_ID, run_id, TIMEOUT)
    if ended["state"] != "success":
        raise StackError(f"run {run_id} {ended['state']}: {stack.airflow.explain_failure(DAG_ID, run_id)}")
    ends: defaultdict[str, list[datetime]] = defaultdict(list)
    for task in stack.airflow.task_instances(DAG_ID, run_id):
        ends[task["task_id"]].append(_moment(task["end_date"]))
    waited = max(ends["shard.await"]) - max(ends["shard.convert"])
    whole = _moment(ended["end_date"]) - _moment(ended["start_date"])
    made = {one.conversion_id: one for one in view.renditions()}
    result: Result = {}
    for row in view.rows():
        if row.key.startswith(prefix):
            rendition = made.get(row.id)
            etag, size = (None, None) if rendition is None else (rendition.etag, rendition.size)
            result[row.key.removeprefix(prefix)] = (row.state.value, row.code, etag, size)
    accepted = sum(task.key.startswith(prefix) for task in admin.tasks())
    return BatchResult(result, waited.total_seconds(), whole.total_seconds(), accepted)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


if __name__ == "__main__":
    sys.exit(main())
