"""The tags of the objects that a publisher writes: readers filter by them, and they prove which catalogue wrote one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.identity import OWNER_TAG

SOURCE_TAG = "source-etag"
"""Name of the object tag with the ETag of the source."""

_VALUE = re.compile(r"[A-Za-z0-9 +\-=._:/]{0,256}")
"""What OSS allows in the value of an object tag."""


def rendition_tags(one: Conversion, catalogue_uid: str) -> dict[str, str]:
    """The tags of a published rendition. A value that OSS doesn't allow is left out."""
    tags = {"verified": "true", "profile": one.profile, SOURCE_TAG: one.etag, OWNER_TAG: catalogue_uid}
    return {name: value for name, value in tags.items() if _VALUE.fullmatch(value)}


def sidecar_tags(one: Conversion, catalogue_uid: str) -> dict[str, str]:
    """The tags of a rendition's sidecars: whose they are, and of which source content."""
    return {SOURCE_TAG: one.etag, OWNER_TAG: catalogue_uid}


def tagging(tags: Mapping[str, str]) -> dict[str, str]:
    """The header that writes these tags with an object."""
    return {"x-oss-tagging": urlencode(tags)}
