"""What planning needs to know of a wanted rendition, and the specs that are no profiles."""

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
    def name(self) -> str:
        """What it is called in the catalogue."""

    @property
    def convert(self) -> AudioConvert:
        """The parameters of audio/convert."""

    @property
    def publish(self) -> str:
        """`staged` or `direct`."""

    @property
    def target_key(self) -> str:
        """Template of the target's key."""

    def target_for(self, bucket: str, key: str) -> tuple[str, str]:
        """Bucket and key of the target of a source."""

    def digest(self) -> str:
        """A digest that changes with the parameters and the target."""


def target_bucket(spec: RenditionSpec, bucket: str) -> str:
    """Where renditions of a bucket's sources go: one bucket for all, as the template can only name the source's."""
    return spec.target_for(bucket, "x/x.wav")[0]


@dataclass(frozen=True)
class SingleSpec:
    """One conversion to one key, as a single task asks for it.

    Its name contains its target: tasks that make different things of one source are no generations of each other.
    """

    convert: AudioConvert
    bucket: str
    target_key: str
    publish: str = "direct"

    @property
    def name(self) -> str:
        """The target's address: see the class."""
        return f"oss://{self.bucket}/{self.target_key}"

    def target_for(self, bucket: str, key: str) -> tuple[str, str]:
        """The one target, whatever the source."""
        return self.bucket, self.target_key

    def digest(self) -> str:
        """Of the parameters and the target."""
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
        profile: of the whole rendition.
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
