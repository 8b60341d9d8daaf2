"""What a batch was asked for: one value, checked before anything is listed, kept with the batch as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from oss_audio_core.audio_convert import AudioConvert, Profile, load_profiles
from oss_audio_core.pipeline.candidates import Order
from oss_audio_core.pipeline.plan_options import PlanOptions
from oss_audio_core.pipeline.rendition_spec import RenditionSpec, SingleSpec, clip
from oss_audio_core.pipeline.selection import Selection

_TIMES = ("modified_from", "modified_before")


class RequestError(ValueError):
    """The batch can't be done as asked; the message names the parameter and what is allowed."""


def check_folder(name: str, prefix: str, example: str = "catalogue/") -> str:
    """A prefix that is a folder, as it is.

    Raises:
        RequestError: it begins with "/", or doesn't end with it.
    """
    if not prefix.endswith("/") or prefix.startswith("/"):
        raise RequestError(f"{name} {prefix!r}: give a prefix such as {example!r}")
    return prefix


@dataclass(frozen=True)
class BatchRequest:
    """The parameters of one batch.

    Attributes:
        bucket: of the sources.
        prefixes, include, exclude, staging, catalogue, min_size, max_size, modified_from, modified_before: see
            `Selection`.
        restore: have archived sources restored, for a later night.
        profiles: names of the profiles to make of every source.
        target_bucket: overrides the profiles' own; None leaves them.
        start, duration: a part of each source, milliseconds; 0 and 0 mean all of it.
        single: one rendition that is no profile, as {"convert", "bucket", "key"}; then `profiles` is empty.
        leftovers, force, limit, max_attempts, order, never_degrade, dry_run: see `PlanOptions`.
    """

    bucket: str
    prefixes: tuple[str, ...] = ("",)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    staging: str = ".staging/"
    catalogue: str | None = "catalogue/"
    min_size: int | None = None
    max_size: int | None = None
    modified_from: datetime | None = None
    modified_before: datetime | None = None
    restore: bool = False
    profiles: tuple[str, ...] = ()
    target_bucket: str | None = None
    start: int = 0
    duration: int = 0
    single: Mapping[str, str] | None = None
    leftovers: bool = True
    force: bool = False
    limit: int | None = None
    max_attempts: int = 3
    order: Order = Order.PROFILE
    never_degrade: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        check_folder("staging prefix", self.staging, ".staging/")
        if self.catalogue is not None:
            check_folder("catalogue prefix", self.catalogue)
        for name in ("start", "duration"):
            if getattr(self, name) < 0:
                raise RequestError(f"{name} is {getattr(self, name)}: give milliseconds, 0 or more")
        if self.limit is not None and self.limit < 1:
            raise RequestError(f"limit is {self.limit}: give 1 or more, or nothing for no limit")
        if self.max_attempts < 1:
            raise RequestError(f"max_attempts is {self.max_attempts}: give 1 or more")

    def selection(self) -> Selection:
        """The sources, as listing and planning take them."""
        return Selection(
            self.bucket,
            self.prefixes,
            self.include,
            self.exclude,
            self.staging,
            self.catalogue,
            self.min_size,
            self.max_size,
            self.modified_from,
            self.modified_before,
        )

    def with_keys(self) -> BatchRequest:
        """The same with keys and patterns in place of addresses in the bucket.

        Raises:
            SelectionError: the selection can't be used.
        """
        chosen = self.selection()
        return replace(self, prefixes=chosen.prefixes, include=chosen.include, exclude=chosen.exclude)

    def plan_options(self) -> PlanOptions:
        """How it is planned."""
        return PlanOptions(
            leftovers=self.leftovers,
            force=self.force,
            limit=self.limit,
            max_attempts=self.max_attempts,
            order=self.order,
            never_degrade=self.never_degrade,
            dry_run=self.dry_run,
        )

    def specs(self) -> list[RenditionSpec]:
        """The renditions, with the profiles read from their files.

        Raises:
            RequestError: a name has no profile, or none is named.
            ProfileError: a profile's file is wrong.
        """
        if self.single is not None:
            convert = AudioConvert.parse(self.single["convert"])
            return [SingleSpec(convert, self.single["bucket"], self.single["key"])]
        known = load_profiles()
        unknown = [name for name in self.profiles if name not in known]
        if unknown or not self.profiles:
            what = f"unknown profile {', '.join(map(repr, unknown))}" if unknown else "no profile is named"
            raise RequestError(f"{what}: choose from {', '.join(sorted(known))}")
        return [self._adapted(known[name]) for name in self.profiles]

    def _adapted(self, profile: Profile) -> Profile:
        if self.target_bucket:
            profile = replace(profile, target_bucket=self.target_bucket)
        return clip(profile, self.start, self.duration)

    def to_json(self) -> dict[str, Any]:
        """As it is kept with the batch."""
        times = {name: moment.isoformat() for name in _TIMES if (moment := getattr(self, name)) is not None}
        return {**asdict(self), **times}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> BatchRequest:
        """The request of a batch."""
        tuples = {name: tuple(kept[name]) for name in ("prefixes", "include", "exclude", "profiles")}
        times = {name: datetime.fromisoformat(kept[name]) for name in _TIMES if kept.get(name)}
        return cls(**{**kept, **tuples, **times, "order": Order(kept.get("order", Order.PROFILE))})
