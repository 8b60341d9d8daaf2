"""What planning needs to know of a wanted rendition, and the kinds beside the profiles in their files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Protocol

from oss_audio_core.audio_convert import AudioConvert, Profile

_CLIP = re.compile(r"(.+)\.clip-[0-9]+-(?:[0-9]+|end)")


class RenditionSpec(Protocol):
    """A rendition that can be planned for a source: a `Profile`, or one made for the occasion."""

    @property
    def name(self) -> str: ...
    @property
    def convert(self) -> AudioConvert: ...
    @property
    def publish(self) -> str: ...
    @property
    def target_key(self) -> str: ...
    def target_for(self, bucket: str, key: str) -> tuple[str, str]: ...
    def digest(self) -> str: ...


def target_bucket(spec: RenditionSpec, bucket: str) -> str:
    """Where the renditions of a bucket's sources go: one bucket for all, for its template knows the source's alone."""
    return spec.target_for(bucket, "x/x.wav")[0]


@dataclass(frozen=True)
class SingleSpec:
    """One conversion to one key, as a task of somebody's own DAG asks for it.

    Its name contains its target, so that two tasks that make different things of one source don't take each
    other for a newer generation of themselves.
    """

    convert: AudioConvert
    bucket: str
    target_key: str
    publish: str = "direct"

    @property
    def name(self) -> str:
        return f"oss://{self.bucket}/{self.target_key}"

    def target_for(self, bucket: str, key: str) -> tuple[str, str]:
        return self.bucket, self.target_key

    def digest(self) -> str:
        return hashlib.sha256(f"{self.convert.digest()} {self.name}".encode()).hexdigest()


def is_single(name: str) -> bool:
    """Whether a rendition's name is that of a `SingleSpec`, and no profile's."""
    return "://" in name


def clipped(name: str, start: int, duration: int) -> str:
    """What a profile is called after `clip`."""
    return f"{name}.{_suffix(start, duration)}" if start or duration else name


def unclipped(name: str) -> str:
    """The profile that a name after `clip` comes from; any other name as it is."""
    matched = _CLIP.fullmatch(name)
    return matched[1] if matched else name


def clip(profile: Profile, start: int, duration: int) -> Profile:
    """The same rendition of a part of the source, under a name and target of its own.

    A clip must never stand where the whole rendition belongs: the next nightly run would take it for that.

    Args:
        start: offset into the source, milliseconds (`ss`).
        duration: length, milliseconds (`t`); 0 means to the end.
    """
    if not start and not duration:
        return profile
    suffix = _suffix(start, duration)
    stem, dot, extension = profile.target_key.rpartition(".")
    return replace(
        profile,
        name=clipped(profile.name, start, duration),
        convert=replace(profile.convert, ss=start or None, t=duration or None),
        target_key=f"{stem}.{suffix}{dot}{extension}",
    )


def _suffix(start: int, duration: int) -> str:
    return f"clip-{start}-{start + duration if duration else 'end'}"
