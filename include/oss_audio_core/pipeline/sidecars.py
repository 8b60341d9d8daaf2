"""Sidecars: the waveform (JSON) and the picture (PNG) of a rendition, under the rendition's whole key and an ending."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from oss_audio_core.catalogue.sidecar_keys import ENDINGS
from oss_audio_core.oss import retry, with_retries
from oss_audio_core.pipeline.object_tags import sidecar_tags, tagging

if TYPE_CHECKING:
    from oss_audio_core.audio_convert.verify_policy import VerifyPolicy
    from oss_audio_core.catalogue.conversions import Conversion
    from oss_audio_core.pipeline.fetching import Reader
    from oss_audio_core.pipeline.final_keys import FinalKeys
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
    reader: Reader, final_keys: FinalKeys, one: Conversion, policy: VerifyPolicy, found: Inspection
) -> dict[Kind, str]:
    """Put the sidecars that the policy asks for next to a conversion's output.

    Returns:
        Their keys, in the output's bucket.

    Raises:
        TargetOccupied: the output was written in place, and beside it stands an object that isn't the catalogue's own.
        oss2.exceptions.OssError: OSS refused or didn't answer.
        requests.RequestException: the connection broke while the answer was read.
    """
    put = _Putter(reader, final_keys, one)
    keys: dict[Kind, str] = {}
    if policy.waveform == "beside" and found.waveform is not None:
        keys["waveform"] = f"{one.output_key}.waveform.json"
        put(keys["waveform"], json.dumps(found.waveform, separators=(",", ":")).encode(), "application/json")
    if found.picture is not None:
        keys["picture"] = f"{one.output_key}.{policy.picture}.png"
        put(keys["picture"], found.picture, "image/png")
    return keys


class _Putter:
    """Puts sidecars next to one output."""

    def __init__(self, reader: Reader, final_keys: FinalKeys, one: Conversion) -> None:
        self._name = one.output_bucket or one.target_bucket
        self._bucket = reader.bucket(self._name)
        self._final_keys = final_keys
        self._one = one

    def __call__(self, key: str, content: bytes, content_type: str) -> None:
        digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        tags = tagging(sidecar_tags(self._one, self._final_keys.uid))
        headers = {"Content-Type": content_type, "Content-MD5": digest, **tags}

        def put(more: Mapping[str, str]) -> None:
            self._bucket.put_object(key, content, headers={**headers, **more})

        if self._one.publish == "staged":
            with_retries(lambda: put({}))
        else:
            self._final_keys.write(self._name, key, put, pauses=retry.PAUSES)
