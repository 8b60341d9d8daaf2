"""OSS requests as bytes, signed with V4, so that a load can be written before it is measured."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import quote

from tools.cloud_process import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION

ALGORITHM, PAYLOAD = "OSS4-HMAC-SHA256", "UNSIGNED-PAYLOAD"


def signed_request(
    method: str,
    host: str,
    bucket: str,
    key: str = "",
    query: Mapping[str, str] | None = None,
    body: bytes = b"",
    length: int | None = None,
) -> bytes:
    """Sign one whole request, for 15 minutes. With `length`, the caller sends the body of that many bytes."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{now[:8]}/{REGION}/oss/aliyun_v4_request"
    path = quote(f"/{bucket}/{key}", safe="/")
    pairs = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in (query or {}).items())
    search = "&".join(f"{name}={value}" if value else name for name, value in pairs)
    headers = f"x-oss-content-sha256:{PAYLOAD}\nx-oss-date:{now}\n"
    canonical = f"{method}\n{path}\n{search}\n{headers}\n\n{PAYLOAD}"
    to_sign = f"{ALGORITHM}\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(_signing_key(now[:8]), to_sign.encode(), hashlib.sha256).hex()
    lines = [
        f"{method} {path}{'?' + search if search else ''} HTTP/1.1",
        f"Host: {host}",
        f"x-oss-date: {now}",
        f"x-oss-content-sha256: {PAYLOAD}",
        f"Authorization: {ALGORITHM} Credential={ACCESS_KEY_ID}/{scope}, Signature={signature}",
    ]
    if body or length is not None:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _signing_key(date: str) -> bytes:
    key = b"aliyun_v4" + ACCESS_KEY_SECRET.encode()
    for part in (date, REGION, "oss", "aliyun_v4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return key
