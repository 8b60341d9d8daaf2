"""Which objects of a bucket are sources: prefixes, include and exclude patterns, and what is never one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from oss_audio_core.audio_convert import ParameterError, variables
from oss_audio_core.catalogue.sidecar_keys import is_sidecar
from oss_audio_core.pipeline.key_patterns import KeyPatterns, PatternError, escape, examples, literal_heads
from oss_audio_core.pipeline.rendition_spec import RenditionSpec, is_single
from oss_audio_core.pipeline.reserved_prefixes import ReservedPrefixes
from oss_audio_core.pipeline.source_names import has_audio_extension, is_system_file

_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<bucket>[^/]*)/?", re.IGNORECASE)


TOO_SMALL, TOO_LARGE = "smaller than min_size", "larger than max_size"
TOO_OLD, TOO_NEW = "older than the interval", "newer than the interval"
"""Reasons against objects that are sources by their names."""


class SelectionError(ValueError):
    """The selection can't be used; the message names the setting and what to change."""


@dataclass(frozen=True)
class Selection:
    """The sources of one batch.

    Prefixes and patterns may be given as addresses in the bucket (`oss://bucket/…`).

    Attributes:
        bucket: where they are.
        prefixes: key prefixes to list; one empty prefix means the whole bucket.
        include: shell patterns on the whole key (`key_patterns`); none: every known audio extension.
        exclude: shell patterns that win over `include`.
        staging: prefix under which conversions in progress write; never a source.
        catalogue: prefix under which runs export; never a source. None: they don't.
        min_size, max_size: bytes; None for no limit.
        modified_from, modified_before: LastModified, by OSS's own clock, lies in this half-open interval; None for no
            limit. Two nights whose intervals meet take each source once.
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

    def __post_init__(self) -> None:
        if not self.bucket:
            raise SelectionError("no bucket is named: set the bucket of the sources")
        self._check_limits()
        for name in ("prefixes", "include", "exclude"):
            keys = tuple(_key(name, given, self.bucket) for given in getattr(self, name))
            object.__setattr__(self, name, keys)
        for one, other in _pairs(self.prefixes):
            if one.startswith(other):
                raise SelectionError(f"prefix {one!r} lies inside prefix {other!r}: leave one of them out")
        try:
            unmatched = [pattern for pattern in self.include if not self._reaches(pattern)]
            _ = self._included, self._excluded
        except PatternError as error:
            raise SelectionError(str(error)) from None
        if unmatched:
            raise SelectionError(
                f"include {unmatched[0]!r} matches no key below prefix {' or '.join(map(repr, self.prefixes))}: "
                "patterns are about whole keys, so begin it with the prefix or with '*'"
            )

    @cached_property
    def _included(self) -> KeyPatterns:
        return KeyPatterns(self.include)

    @cached_property
    def _excluded(self) -> KeyPatterns:
        return KeyPatterns(self.exclude)

    def useless_excludes(self) -> list[str]:
        """Exclude patterns that match no key below the prefixes, so that they exclude nothing."""
        return [pattern for pattern in self.exclude if not self._reaches(pattern)]

    def _reaches(self, pattern: str) -> bool:
        """Whether a key below one of the prefixes may match the pattern."""
        heads = [head.casefold() for head in literal_heads(pattern)]
        prefixes = [prefix.casefold() for prefix in self.prefixes]
        return any(head.startswith(prefix) or prefix.startswith(head) for head in heads for prefix in prefixes)

    def _check_limits(self) -> None:
        for name in ("min_size", "max_size"):
            size = getattr(self, name)
            if size is not None and size < 0:
                raise SelectionError(f"{name} is {size}: give bytes, 0 or more")
        if self.min_size is not None and self.max_size is not None and self.min_size > self.max_size:
            raise SelectionError(f"min_size {self.min_size} is more than max_size {self.max_size}: nothing is both")
        for moment in (self.modified_from, self.modified_before):
            if moment is not None and moment.tzinfo is None:
                raise SelectionError(f"{moment} has no time zone: say which, such as {moment}+00:00")
        if self.modified_from and self.modified_before and self.modified_from >= self.modified_before:
            raise SelectionError(
                f"modified_from {self.modified_from} is not before modified_before {self.modified_before}"
            )

    @cached_property
    def reserved(self) -> ReservedPrefixes:
        """Where no target may be."""
        return ReservedPrefixes(self.staging, self.catalogue)

    def matches(self, key: str) -> bool:
        """Whether an object of this key would be taken for a source."""
        return self.reason_against(key) is None and any(key.startswith(prefix) for prefix in self.prefixes)

    def reason_against(self, key: str) -> str | None:
        """Why a listed object is not a source (a short phrase to count by), or None when it is one."""
        if key.endswith("/"):
            return "folder marker"
        if key.startswith(self.staging):
            return "staging"
        if self.catalogue and key.startswith(self.catalogue):
            return "catalogue"
        if is_sidecar(key):
            return "waveform or picture of a rendition"
        if is_system_file(key):
            return "file of an operating system"
        if self._excluded.matches(key):
            return "excluded"
        if self.include:
            return None if self._included.matches(key) else "not included"
        return None if has_audio_extension(key) else "not audio by its name"

    def reason_against_object(self, key: str, size: int, last_modified: datetime) -> str | None:
        """The same for a listed object, with its size in bytes and the time of its last write."""
        if reason := self.reason_against(key):
            return reason
        if self.min_size is not None and size < self.min_size:
            return TOO_SMALL
        if self.max_size is not None and size > self.max_size:
            return TOO_LARGE
        if self.modified_from is not None and last_modified < self.modified_from:
            return TOO_OLD
        if self.modified_before is not None and last_modified >= self.modified_before:
            return TOO_NEW
        return None


def refuse_own_targets(selection: Selection, specs: Sequence[RenditionSpec]) -> None:
    """Refuse a selection that would take its own renditions for sources the next night, and targets in staging.

    Tried on example keys, before anything is listed; `targets` checks every real target again.

    Raises:
        SelectionError: naming the profile and the exclude pattern to add.
    """
    for spec in specs:
        try:
            selection.reserved.refuse_template(spec.target_key)
        except ParameterError as error:
            raise SelectionError(str(error) if is_single(spec.name) else f"profile {spec.name}: {error}") from None
        for key in _examples(selection):
            target = spec.target_for(selection.bucket, key)
            if selects_target(selection, target):
                raise SelectionError(own_target_reason(spec, key, target))


def selects_target(selection: Selection, target: tuple[str, str]) -> bool:
    """Whether a selection would list a target, given as bucket and key, as a source."""
    bucket, key = target
    return bucket == selection.bucket and selection.matches(key)


def own_target_reason(spec: RenditionSpec, key: str, target: tuple[str, str]) -> str:
    """Why a target that the selection would list is refused, and the exclude pattern to add."""
    return (
        f"profile {spec.name} would turn {key!r} into {target[1]!r}, which this selection would take "
        f"for a source the next time: add the exclude {_exclude_for(spec, target[1])!r}, "
        "or narrow prefix or include"
    )


def _exclude_for(spec: RenditionSpec, target: str) -> str:
    """A pattern that covers the profile's targets: their common folder, or else their extension."""
    head = variables.literal_head(spec.target_key)
    folder = head[: head.rfind("/") + 1]
    return f"{escape(folder)}*" if folder else f"*.{target.rpartition('.')[2]}"


def _examples(selection: Selection) -> Iterator[str]:
    """Keys that the selection takes for sources: one for every prefix and pattern that go together."""
    patterns = selection.include or ("*.{wav,flac,mp3}",)
    for prefix in selection.prefixes:
        for example in (one for pattern in patterns for one in examples(pattern)):
            for key in (example, prefix + example, f"{prefix}x/{example.rpartition('/')[2]}"):
                if selection.matches(key):
                    yield key


def _key(setting: str, given: str, bucket: str) -> str:
    """A prefix or pattern without the address of the bucket.

    Raises:
        SelectionError: it is an address elsewhere, or begins with "/", as no key of OSS does.
    """
    what = f"{'prefix' if setting == 'prefixes' else setting} {given!r}"
    key = given
    if address := _ADDRESS.match(given):
        if address["scheme"].lower() != "oss":
            raise SelectionError(f"{what} is an address: give the key, or oss://{bucket}/ and the key")
        if address["bucket"] != bucket:
            raise SelectionError(f"{what} is in another bucket than {bucket!r}: leave it out, or select its bucket")
        key = given[address.end() :]
        if not key and setting != "prefixes":
            raise SelectionError(f"{what} names no key: give a pattern, such as {given.rstrip('/') + '/*'!r}")
    if key.startswith("/"):
        raise SelectionError(f"{what} starts with '/', but OSS keys don't: leave the slash out")
    return key


def _pairs(prefixes: Sequence[str]) -> Iterator[tuple[str, str]]:
    for index, one in enumerate(prefixes):
        for other in (*prefixes[:index], *prefixes[index + 1 :]):
            yield one, other
