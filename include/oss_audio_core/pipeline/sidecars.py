"""Sidecars: the waveform (JSON) and the picture (PNG) of a rendition, under the rendition's whole key and an ending."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from oss_audio_core.catalogue.sidecar_keys import ENDINGS
from oss_audio_core.oss import with_retries
from oss_audio_core.pipeline.object_tags import tagging

if TYPE_CHECKING:
    from oss_audio_core.audio_convert.verify_policy import VerifyPolicy
    from oss_audio_core.catalogue.conversions import Conversion
    from oss_audio_core.pipeline.fetching import Reader
    from oss_audio_core.verification import Inspection

Kind = Literal["waveform", "picture"]


def final_sidecar_key(target_key: str, staged_key: str) -> str:
    """The key that a staged sidecar is copied to: the rendition's final key with the sidecar's ending.

    Raises:
        ValueError: the staged key has none of the endings.
    """
    for ending in ENDINGS:
        if staged_key.endswith(ending):
            return target_key + ending
    raise ValueError(f"{staged_key!r} is no sidecar: its key ends with none of {', '.join(ENDINGS)}")


def staged_sidecar_keys(measured: Mapping[str, Any] | None) -> list[str]:
    """Keys of the sidecars that verification staged with an output, from the conversion's stored measures."""
    return list((measured or {}).get("side", {}).values())


def put_sidecars(
    reader: Reader, one: Conversion, policy: VerifyPolicy, found: Inspection, tags: Mapping[str, str]
) -> dict[Kind, str]:
    """Put the sidecars that the policy asks for next to a conversion's output, with these tags.

    Returns:
        Their keys, in the output's bucket.

    Raises:
        oss2.exceptions.OssError: OSS refused or didn't answer.
        requests.RequestException: the connection broke while the answer was read.
    """
    keys: dict[Kind, str] = {}
    if policy.waveform == "beside" and found.waveform is not None:
        keys["waveform"] = f"{one.output_key}.waveform.json"
        content = json.dumps(found.waveform, separators=(",", ":")).encode()
        _put(reader, one, keys["waveform"], content, {"Content-Type": "application/json", **tagging(tags)})
    if found.picture is not None:
        keys["picture"] = f"{one.output_key}.{policy.picture}.png"
        _put(reader, one, keys["picture"], found.picture, {"Content-Type": "image/png", **tagging(tags)})
    return keys


def _put(reader: Reader, one: Conversion, key: str, content: bytes, headers: Mapping[str, str]) -> None:
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    headers = {**headers, "Content-MD5": digest}
    bucket = reader.bucket(one.output_bucket or one.target_bucket)
    with_retries(lambda: bucket.put_object(key, content, headers=headers))
