"""The newer request signature of SMQ, MNS4-HMAC-SHA256, over the request line, the query and three kinds of header.

From Alibaba Cloud's own gateway clients (alibabacloud-gateway-mns, whose unit tests give vectors). It is the
V4 scheme of OSS with two differences: the canonical request is signed as it is, not its hash, and no
header carries the time of the signature. The clients read the clock once for the Date header and once more
for the signature, so the time signed is the Date's second or the next one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

SCHEME = "MNS4-HMAC-SHA256"
_PRODUCT, _SUFFIX = "mns", "aliyun_v4_request"
_AUTHORIZATION = re.compile(
    rf"{SCHEME} Credential=([^/,\s]+)/([0-9]{{8}})/([^/,\s]+)/{_PRODUCT}/{_SUFFIX}, ?Signature=([0-9a-f]{{64}})"
)
_CLOCK_OFFSETS = (0, 1)


@dataclass(frozen=True)
class Mns4Authorization:
    """The fields of the Authorization header; `day` is `20250603`."""

    key_id: str
    day: str
    region: str
    signature: str


def parse_authorization(header: str) -> Mns4Authorization | None:
    """The header's parts, None when it does not have this scheme's form."""
    match = _AUTHORIZATION.fullmatch(header.strip())
    return None if match is None else Mns4Authorization(*match.groups())


def canonical_request(method: str, path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str]) -> str:
    """The canonical request. `path` and `query` are decoded; `headers` has lower-case names."""
    parameters = {_encode(name.strip().lower()): _encode(value.strip()) for name, value in query}
    lines = [f"{name}={parameters[name]}" if parameters[name] else name for name in sorted(parameters)]
    signed = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers) if _is_signed(name))
    return f"{method}\n{quote(path, safe='/~')}\n{'&'.join(lines)}\n{signed}\n"


def sign(secret: str, region: str, moment: str, canonical: str) -> str:
    """The signature in hex; `moment` is `20250603T105235Z`."""
    scope = f"{moment[:8]}/{region}/{_PRODUCT}/{_SUFFIX}"
    key = f"aliyun_v4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"{SCHEME}\n{moment}\n{scope}\n{canonical}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def possible_signatures(secret: str, authorization: Mns4Authorization, date: datetime, canonical: str) -> list[str]:
    """The signatures a request with this Date may carry."""
    moments = [(date.astimezone(UTC) + timedelta(seconds=later)).strftime("%Y%m%dT%H%M%SZ") for later in _CLOCK_OFFSETS]
    return [
        sign(secret, authorization.region, moment, canonical)
        for moment in moments
        if moment.startswith(authorization.day)
    ]


def _is_signed(name: str) -> bool:
    return name in ("content-type", "content-md5") or name.startswith("x-mns-")


def _encode(text: str) -> str:
    return quote(text, safe="~")
