"""Signature version 2 of OSS: HMAC-SHA256, over every query parameter and selected additional headers."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Sequence

from oss_local_cloud.signatures.request import (
    RequestHead,
    canonical_query,
    percent_encode,
    signed_headers,
)


def string_to_sign(request: RequestHead, date: str, additional_headers: Sequence[str]) -> bytes:
    """The string to sign; `date` is the Date header, or `x-oss-expires` of a presigned URL."""
    query = canonical_query([(name, value) for name, value in request.query if name != "x-oss-signature"])
    resource = percent_encode(request.resource) + (f"?{query}" if query else "")
    head = "\n".join(
        (
            request.method,
            request.headers.get("content-md5", ""),
            request.headers.get("content-type", ""),
            date,
            "",
        )
    )
    tail = ";".join(sorted(additional_headers)) + "\n" + resource
    return head.encode("latin-1") + signed_headers(request, additional_headers) + tail.encode()


def signature(secret: str, to_sign: bytes) -> str:
    """Base64 of the HMAC-SHA256."""
    return b64encode(hmac.digest(secret.encode(), to_sign, hashlib.sha256)).decode("ascii")
