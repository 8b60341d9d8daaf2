"""What stands beside a rendition: its waveform as JSON, its picture as PNG, staged as the rendition itself is."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Literal

from oss_audio_core.audio_convert.verify_policy import VerifyPolicy
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.oss import patiently
from oss_audio_core.pipeline.fetching import Reader
from oss_audio_core.verification import Inspection

Side = Literal["waveform", "picture"]


def put_beside(reader: Reader, one: Conversion, policy: VerifyPolicy, found: Inspection) -> dict[Side, str]:
    """Put what the policy wants beside a conversion's output; returns the keys, in the output's bucket.

    Raises oss2.exceptions.OssError, requests.RequestException.
    """
    keys: dict[Side, str] = {}
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
    patiently(lambda: bucket.put_object(key, content, headers=headers))
