"""Sidecars: the waveform (JSON) and the picture (PNG) of a rendition, under the rendition's whole key and an ending."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from oss_audio_core.oss import with_retries

if TYPE_CHECKING:
    from oss_audio_core.audio_convert.verify_policy import VerifyPolicy
    from oss_audio_core.catalogue.conversions import Conversion
    from oss_audio_core.pipeline.fetching import Reader
    from oss_audio_core.verification import Inspection

Kind = Literal["waveform", "picture"]

ENDINGS = (".waveform.json", ".waveform.png", ".spectrogram.png")
"""Endings after the rendition's key. A key with one of them is never a source."""


def is_sidecar(key: str) -> bool:
    """Whether a key is that of a sidecar."""
    return key.endswith(ENDINGS)


def final_sidecar_key(target_key: str, staged_key: str) -> str:
    """The key that a staged sidecar is copied to: the rendition's final key with the sidecar's ending.

    Raises:
        ValueError: the staged key has none of the endings.
    """
    for ending in ENDINGS:
        if staged_key.endswith(ending):
            return target_key + ending
    raise ValueError(f"{staged_key!r} is no sidecar: its key ends with none of {', '.join(ENDINGS)}")


def rendition_key(sidecar_key: str) -> str:
    """The key of the rendition that a sidecar belongs to."""
    return next(sidecar_key.removesuffix(ending) for ending in ENDINGS if sidecar_key.endswith(ending))


def staged_sidecar_keys(measured: Mapping[str, Any] | None) -> list[str]:
    """Keys of the sidecars that verification staged with an output, from the conversion's stored measures."""
    return list((measured or {}).get("side", {}).values())


def put_sidecars(reader: Reader, one: Conversion, policy: VerifyPolicy, found: Inspection) -> dict[Kind, str]:
    """Put the sidecars that the policy asks for next to a conversion's output.

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
        _put(reader, one, keys["waveform"], content, "application/json")
    if found.picture is not None:
        keys["picture"] = f"{one.output_key}.{policy.picture}.png"
        _put(reader, one, keys["picture"], found.picture, "image/png")
    return keys


def _put(reader: Reader, one: Conversion, key: str, content: bytes, content_type: str) -> None:
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    headers = {"Content-Type": content_type, "Content-MD5": digest}
    bucket = reader.bucket(one.output_bucket or one.target_bucket)
    with_retries(lambda: bucket.put_object(key, content, headers=headers))
