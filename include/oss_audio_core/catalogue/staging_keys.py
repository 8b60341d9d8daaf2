"""The keys that attempts write to before they are published: built and recognised in one place.

    {staging}{catalogue's uid}/{batch's uid}/{shard}/{conversion}-{attempt}.{ext}[{ending of a sidecar}]

Catalogues may share a bucket and a staging prefix. The uid in the key tells their objects apart. Earlier versions
left it out; their keys are known by the rows that recorded them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from oss_audio_core.catalogue.sidecar_keys import ENDINGS

_KEY = re.compile(
    r"(?P<output>(?:(?P<catalogue>[0-9a-f]{12})/)?[0-9a-f]{8}/\d+/(?P<conversion>\d{1,18})-\d+\.\w+)"
    rf"(?:{'|'.join(map(re.escape, ENDINGS))})?",
    re.ASCII,
)


@dataclass(frozen=True)
class StagedKey:
    """What the key of a staged object says.

    Attributes:
        output_key: of the attempt's output: the key itself, or that of the output that a sidecar belongs to.
        catalogue_uid: of the catalogue that wrote it; None: an earlier version did.
        conversion_id: of the conversion.
    """

    output_key: str
    catalogue_uid: str | None
    conversion_id: int


def catalogue_folder(staging: str, catalogue_uid: str) -> str:
    """The folder that all staged objects of a catalogue are in."""
    return f"{staging}{catalogue_uid}/"


def shard_folder(staging: str, catalogue_uid: str, batch_uid: str, shard: int) -> str:
    """The folder that the attempts of a shard write to."""
    return f"{catalogue_folder(staging, catalogue_uid)}{batch_uid}/{shard}/"


def output_key(folder: str, conversion_id: int, attempt: int, extension: str) -> str:
    """The key that one attempt alone writes to."""
    return f"{folder}{conversion_id}-{attempt}.{extension}"


def parse(key: str, staging: str) -> StagedKey | None:
    """Read the key of an object under a staging prefix; None: no attempt writes to such a key."""
    if not key.startswith(staging) or (found := _KEY.fullmatch(key, len(staging))) is None:
        return None
    return StagedKey(staging + found["output"], found["catalogue"], int(found["conversion"]))
