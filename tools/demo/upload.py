"""Upload the samples into a running local cloud, with oss2 and V4 signatures."""

from __future__ import annotations

import hashlib
from pathlib import Path

from oss2.exceptions import NotFound

from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.sdk import Oss2Bucket
from tools.demo.samples import SAMPLES
from tools.stack import Stack


def oss_settings(stack: Stack) -> OssSettings:
    """Return the OSS settings of a running stack."""
    return OssSettings(
        endpoint=stack.cloud.oss,
        region=stack.cloud_settings.region,
        access_key_id=stack.secrets.access_key_id,
        access_key_secret=stack.secrets.access_key_secret,
        imm_endpoint=stack.cloud.imm,
        name="the local cloud",
    )


def upload_samples(bucket: Oss2Bucket, prefix: str, folder: Path) -> int:
    """Upload the samples made in `folder` below `prefix`; returns how many were not there already."""
    new = 0
    for sample in SAMPLES:
        content = (folder / sample.key).read_bytes()
        key = prefix + sample.key
        if _etag(bucket, key) != hashlib.md5(content, usedforsecurity=False).hexdigest().upper():
            bucket.put_object(key, content, headers={"Content-Type": sample.content_type})
            new += 1
    return new


def _etag(bucket: Oss2Bucket, key: str) -> str | None:
    try:
        return str(bucket.head_object(key).etag)
    except NotFound:
        return None
