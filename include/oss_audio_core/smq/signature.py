"""The MNS signature of a request, and the digest of its body."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


def content_md5(body: bytes) -> str:
    """SMQ's Content-MD5: Base64 of the digest's hexadecimal text (RFC 1864 has it of the 16 bytes)."""
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return base64.b64encode(digest.encode("ascii")).decode("ascii")


def authorization(
    method: str, resource: str, headers: Mapping[str, str], access_key_id: str, access_key_secret: str
) -> str:
    """Return the value of `Authorization`.

    Args:
        method: the verb in capitals.
        resource: path and query exactly as they stand in the request line.
        headers: with lower-case names; `date` must be there, `content-md5` and `content-type` when there is a body; of
            the rest only `x-mns-…` are signed.
        access_key_id: stands in the value as it is.
        access_key_secret: the key of the HMAC.
    """
    extension = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-mns-"))
    string_to_sign = (
        f"{method}\n{headers.get('content-md5', '')}\n{headers.get('content-type', '')}\n{headers['date']}\n"
        f"{extension}{resource}"
    )
    # HMAC-SHA1 is what the service's first signature version asks for.
    digest = hmac.new(access_key_secret.encode(), string_to_sign.encode(), hashlib.sha1).digest()
    return f"MNS {access_key_id}:{base64.b64encode(digest).decode('ascii')}"
