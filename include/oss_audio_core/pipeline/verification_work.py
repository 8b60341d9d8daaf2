"""The outputs that are to be verified: those of one source together, each with the depth of its verification."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from oss_audio_core.audio_convert import Profile
from oss_audio_core.audio_convert.verify_policy import Depth, VerifyPolicy
from oss_audio_core.catalogue import sources
from oss_audio_core.catalogue.conversions import CHUNK, Conversion
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.sources import KnownSource
from oss_audio_core.pipeline.fetching import Listed, Reader
from oss_audio_core.pipeline.flow import gathered
from oss_audio_core.pipeline.rendition_spec import unclipped

Address = tuple[str, str]
"""Bucket and key."""


@dataclass(frozen=True)
class Output:
    """A conversion whose output is to be verified, and how; its size in bytes where it was looked up."""

    one: Conversion
    policy: VerifyPolicy
    depth: Depth
    size: int | None = None


@dataclass(frozen=True)
class SourceOutputs:
    """The outputs of one source; what the catalogue knows of it, and its present listing if it is known."""

    outputs: Sequence[Output]
    known: KnownSource | None
    listed: Listed | None

    @property
    def decoded(self) -> bool:
        """Whether one of the outputs is decoded: then its source is, too."""
        return any(output.depth == "decode" for output in self.outputs)


def outputs_by_source(
    catalogue: Catalogue, reader: Reader, profiles: Mapping[str, Profile], converted: Iterable[Conversion]
) -> Iterator[SourceOutputs]:
    """Conversions by source, in the order of sources and ids: all processes that verify them have the same order.

    A thousand are looked up at a time, as a listing's page has as many.

    Args:
        catalogue: where the sources' measures are.
        reader: lists the objects.
        profiles: whose policies decide the depth.
        converted: conversions in any order.

    Yields:
        The outputs of one source.

    Raises:
        oss2.exceptions.OssError: a listing failed.
    """
    by_source = sorted(converted, key=lambda one: (one.source_id, one.id))
    for part in gathered([list(group) for _, group in groupby(by_source, lambda one: one.source_id)], CHUNK):
        with catalogue.read() as connection:
            known = sources.known_sources(connection, (group[0].source_id for group in part))
        addresses = [(one.bucket, one.key) for one, *_ in part if one.source_id in known]
        addresses += [_address(one) for group in part for one in group if _size_matters(_policy(profiles, one), one)]
        listings = _look_up(reader, addresses)
        for group in part:
            first = group[0]
            outputs = [_output(_policy(profiles, one), one, listings.get(_address(one))) for one in group]
            yield SourceOutputs(outputs, known.get(first.source_id), listings.get((first.bucket, first.key)))


def _output(policy: VerifyPolicy, one: Conversion, listed: Listed | None) -> Output:
    depth = policy.depth(listed.size if listed else 0, _identity(one))
    return Output(one, policy, depth, None if listed is None else listed.size)


def _policy(profiles: Mapping[str, Profile], one: Conversion) -> VerifyPolicy:
    """Of the profile, or of the one that this is a clip of; without a profile it is the default."""
    profile = profiles.get(one.profile) or profiles.get(unclipped(one.profile))
    return profile.verify if profile else VerifyPolicy()


def _size_matters(policy: VerifyPolicy, one: Conversion) -> bool:
    """Whether the size decides the depth, or saves a request: a small object is probed by one read."""
    identity = _identity(one)
    small, large = policy.depth(0, identity), policy.depth(policy.up_to + 1, identity)
    return small != large or (small == "probe" and one.publish == "staged")


def _identity(one: Conversion) -> str:
    return f"{one.etag} oss://{one.target_bucket}/{one.target_key}"


def _address(one: Conversion) -> Address:
    return one.output_bucket or one.target_bucket, one.output_key or one.target_key


def _look_up(reader: Reader, addresses: Iterable[Address]) -> dict[Address, Listed]:
    keys: defaultdict[str, set[str]] = defaultdict(set)
    for bucket, key in addresses:
        keys[bucket].add(key)
    return {
        (bucket, key): listed
        for bucket, wanted in keys.items()
        for key, listed in reader.look_up(bucket, wanted).items()
    }
