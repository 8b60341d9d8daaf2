"""Signature version 4 of OSS: HMAC-SHA256 with a key derived from date, region and service.

The canonical URI is always `/bucket/key` with `/` kept; query values are decoded and encoded again, because
yarl (under the asyncio SDK) writes a signed `%2F` as `/`. Host and Date are not covered unless named in
AdditionalHeaders. The time in the string to sign is `x-oss-date`, or the Date header as it was written (Go
SDK v1).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from oss_local_cloud.signatures.request import (
    RequestHead,
    canonical_query,
    invalid_argument,
    percent_encode,
    signed_headers,
)

ALGORITHM = "OSS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"


class Scope(NamedTuple):
    """A V4 credential: the access key id and its scope."""

    access_key_id: str
    date: str
    region: str
    product: str


@lru_cache(maxsize=16)
def parse_scope(credential: str) -> Scope:
    """Parse `AK/yyyymmdd/region/oss/aliyun_v4_request`.

    Raises:
        AuthenticationError: InvalidArgument.
    """
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aliyun_v4_request" or parts[3] != "oss":
        raise invalid_argument("Invalid Credential in Authorization header.")
    return Scope(*parts[:4])


def canonical_request(request: RequestHead, additional_headers: Sequence[str]) -> bytes:
    """The canonical request."""
    query = canonical_query([pair for pair in request.query if pair[0] != "x-oss-signature"]) if request.query else ""
    head = f"{request.method}\n{percent_encode(request.resource, '/')}\n{query}\n"
    headers = signed_headers(request, ("content-type", "content-md5", *additional_headers))
    payload = request.headers.get("x-oss-content-sha256", UNSIGNED_PAYLOAD)
    tail = "\n" + ";".join(sorted(additional_headers)) + "\n" + payload
    return head.encode() + headers + tail.encode("latin-1")


def string_to_sign(time: str, scope: Scope, canonical: bytes) -> bytes:
    """The string to sign."""
    scope_text = f"{scope.date}/{scope.region}/{scope.product}/aliyun_v4_request"
    return f"{ALGORITHM}\n{time}\n{scope_text}\n{hashlib.sha256(canonical).hexdigest()}".encode()


def signature(secret: str, scope: Scope, to_sign: bytes) -> str:
    """Hex of the HMAC-SHA256 under the derived key."""
    return hmac.digest(_signing_key(secret, scope), to_sign, hashlib.sha256).hex()


@lru_cache(maxsize=16)
def _signing_key(secret: str, scope: Scope) -> bytes:
    key = b"aliyun_v4" + secret.encode()
    for part in (scope.date, scope.region, scope.product, "aliyun_v4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return key
