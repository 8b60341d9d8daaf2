"""The Params of a batch: what the trigger form shows, with defaults from the environment (prefix OSS_AUDIO_)."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from oss_audio.defaults import CATALOGUE_PREFIX, EMPTY_LISTING, FAILURE_THRESHOLD, STAGING_PREFIX
from oss_audio.deployment import setting, several
from oss_audio_core.audio_convert import ParameterError, Profile, load_profiles
from oss_audio_core.pipeline.candidates import Order
from oss_audio_core.pipeline.reserved_prefixes import ReservedPrefixes


def deployment_profiles() -> dict[str, Profile]:
    """The profiles by name, sorted. A wrong one is shown as the import error of the DAG file that asks for them.

    Raises:
        ProfileError: a profile's file is wrong.
        ValueError: a profile's targets lie under the staging or the catalogue prefix of this deployment.
    """
    profiles = load_profiles()
    reserved = ReservedPrefixes(STAGING_PREFIX, CATALOGUE_PREFIX)
    for profile in profiles.values():
        try:
            reserved.refuse_template(profile.target_key)
        except ParameterError as error:
            raise ValueError(f"profile {profile.name}: {error}") from None
    return profiles


def _flag(*, title: str, description: str) -> Param:
    """A box to tick, empty at first."""
    return Param(False, type="boolean", title=title, description=description)


def _optional_number(kind: str, *, minimum: int, title: str, description: str) -> Param:
    """An `integer` or `number` that may stay empty."""
    return Param(None, type=["null", kind], minimum=minimum, title=title, description=description)


def batch_params() -> dict[str, Param]:
    """The Params of a batch, by name. A Param that may stay empty in the form has null among its types."""
    profiles = deployment_profiles()
    return {
        "bucket": Param(
            setting("BUCKET", "media"),
            type="string",
            minLength=3,
            maxLength=63,
            title="Bucket",
            description="OSS bucket of the sources.",
        ),
        "prefix": Param(
            setting("PREFIX") or None,
            type=["null", "string"],
            title="Prefix",
            description="Only keys that start with this (or oss://bucket/ and this); empty for the whole bucket.",
        ),
        "include": Param(
            None,
            type=["null", "string"],
            title="Pattern",
            description="Shell pattern on the whole key, in either case, such as incoming/*.{wav,flac}: '*' also "
            "matches '/', '**/' any folders or none. Empty: every known audio extension.",
        ),
        "exclude": Param(
            several("EXCLUDE") or None,
            type=["null", "array"],
            items={"type": "string"},
            title="Exclude",
            description="Shell patterns on the whole key, one a line, as above; they win over the pattern.",
        ),
        "profiles": Param(
            several("PROFILES", "mobile-mp3"),
            type="array",
            items={"type": "string"},
            examples=sorted(profiles),
            title="Profiles",
            description="Renditions to make of every source.",
            values_display={name: f"{name}: {profile.description}" for name, profile in sorted(profiles.items())},
        ),
        "start": Param(
            0,
            type="integer",
            minimum=0,
            title="Start (ms)",
            description="Offset into each source, in milliseconds.",
        ),
        "duration": Param(
            0,
            type="integer",
            minimum=0,
            title="Duration (ms)",
            description="Length of the part, in milliseconds; 0: to the end. A clip gets a target of its own.",
        ),
        "force": _flag(
            title="Force",
            description="Make renditions anew that are there already.",
        ),
        "dry_run": _flag(
            title="Dry run",
            description="Show the plan in the log of task 'plan'; submit nothing.",
        ),
        "limit": _optional_number(
            "integer",
            minimum=1,
            title="Limit",
            description="At most so many sources.",
        ),
        "order": Param(
            Order.PROFILE.value,
            type="string",
            enum=[order.value for order in Order],
            title="Order",
            description="What is submitted first, and what a limit leaves for later.",
            values_display={
                Order.PROFILE.value: "profile: profiles as named, then by key",
                Order.KEY.value: "key: by key, all profiles of a source together",
                Order.NEWEST.value: "newest: newest source first",
                Order.SMALLEST.value: "smallest: smallest source first",
            },
        ),
        "min_size": _optional_number(
            "integer",
            minimum=0,
            title="Smallest size (bytes)",
            description="Smaller sources are left out.",
        ),
        "max_size": _optional_number(
            "integer",
            minimum=0,
            title="Largest size (bytes)",
            description="Larger sources are left out.",
        ),
        "min_age": _optional_number(
            "number",
            minimum=0,
            title="Youngest age (hours)",
            description="Sources written more recently, by OSS's clock, are left for the next run.",
        ),
        "max_age": _optional_number(
            "number",
            minimum=0,
            title="Oldest age (hours)",
            description="Sources written longer ago, by OSS's clock, are left out.",
        ),
        "never_degrade": _flag(
            title="Never degrade",
            description="Skip lossy renditions of lossy sources that have fewer bits. Sources that may be lossy are "
            "probed first, by two small reads each.",
        ),
        "interval_only": _flag(
            title="Interval only",
            description="Only sources written within the run's data interval: for a backfill.",
        ),
        "leftovers": Param(
            True,
            type="boolean",
            title="Leftovers",
            description="With an interval or an oldest age: also older sources that earlier runs planned and left, "
            "failed with attempts left or unfinished; and those that were too young for the interval before.",
        ),
        "restore": _flag(
            title="Restore",
            description="Have archived sources restored, for a later run; OSS charges for it.",
        ),
        "empty_listing": Param(
            EMPTY_LISTING,
            type="string",
            enum=["fail", "warn"],
            title="Empty listing",
            description="What a run does when no object lies below the prefix, or none is taken where earlier runs "
            "took some.",
            values_display={"fail": "fail: the prefix may be wrong", "warn": "warn: nothing may have arrived"},
        ),
        "failure_threshold": _failure_threshold(),
        "max_failures": _max_failures(),
    }


def requeue_params() -> dict[str, Param]:
    """The Params of a batch that tries failures again, by name."""
    return {
        "failed_batch": Param(
            None,
            type=["null", "string"],
            title="Batch",
            description="As its report is titled, such as nightly_audio_batch/scheduled__2026-11-22T18:00:00+00:00. "
            "Empty: failures of any batch.",
        ),
        "code": Param(
            None,
            type=["null", "string"],
            title="Reason",
            description="The failure's code as the report counts it, such as DeadlineExceeded; empty: any.",
        ),
        "profile": Param(
            None,
            type=["null", "string"],
            examples=sorted(deployment_profiles()),
            title="Profile",
            description="Only this rendition; empty: any.",
        ),
        "dead": _flag(
            title="Dead ones, too",
            description="Also those without attempts left; they get more.",
        ),
        "attempts": Param(
            1,
            type="integer",
            minimum=1,
            title="Attempts",
            description="So many more attempts a dead one gets.",
        ),
        "limit": _optional_number(
            "integer",
            minimum=1,
            title="Limit",
            description="At most so many, the oldest failures first.",
        ),
        "failure_threshold": _failure_threshold(),
        "max_failures": _max_failures(),
    }


def _failure_threshold() -> Param:
    return Param(
        FAILURE_THRESHOLD,
        type="number",
        minimum=0,
        maximum=100,
        title="Failure threshold (%)",
        description="The run fails when more than this share of its conversions failed.",
    )


def _max_failures() -> Param:
    return _optional_number(
        "integer",
        minimum=0,
        title="Failure limit",
        description="The run also fails when more than so many of its conversions failed; empty: no limit.",
    )


def _interval(end: str) -> str:
    """A template of one end of the data interval; a run that was triggered without a logical date has none."""
    none = "interval only, of a run without a data interval"
    return f"{{{{ {end} | default('{none}', true) if params.interval_only else '' }}}}"


SELECTION: dict[str, Any] = {
    "bucket": "{{ params.bucket }}",
    "prefix": "{{ params.prefix or '' }}",
    "include": "{{ params.include or '' }}",
    "exclude": "{{ (params.exclude or []) | tojson }}",
    "profiles": "{{ params.profiles | join(',') }}",
    "target_bucket": setting("TARGET_BUCKET"),
    "start": "{{ params.start }}",
    "duration": "{{ params.duration }}",
    "order": "{{ params.order }}",
    "min_size": "{{ params.min_size }}",
    "max_size": "{{ params.max_size }}",
    "min_age": "{{ params.min_age }}",
    "max_age": "{{ params.max_age }}",
    "modified_from": _interval("data_interval_start"),
    "modified_before": _interval("data_interval_end"),
    "leftovers": "{{ params.leftovers }}",
    "restore": "{{ params.restore }}",
    "never_degrade": "{{ params.never_degrade }}",
    "force": "{{ params.force }}",
    "limit": "{{ params.limit }}",
    "dry_run": "{{ params.dry_run }}",
    "empty_listing": "{{ params.empty_listing }}",
}
"""Arguments of `OSSAudioListOperator` out of the Params above."""

FAILURES: dict[str, Any] = {
    "failed_batch": "{{ params.failed_batch }}",
    "code": "{{ params.code }}",
    "profile": "{{ params.profile }}",
    "dead": "{{ params.dead }}",
    "attempts": "{{ params.attempts }}",
    "limit": "{{ params.limit }}",
}
"""Arguments of `OSSAudioRequeueOperator` out of the Params of `requeue_params`."""

VERDICT: dict[str, Any] = {
    "failure_threshold": "{{ params.failure_threshold }}",
    "max_failures": "{{ params.max_failures }}",
}
"""Arguments of `batch_pipeline` out of the Params, besides what the batch is about."""
