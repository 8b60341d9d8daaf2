"""The request signature of Alibaba Cloud's OpenAPI gateway, ACS3-HMAC-SHA256, as the IMM SDK sends it.

The client signs the verb, the path, the sorted query, the headers it names in SignedHeaders, and the SHA-256
of the body (page "Request syntax and signature method V3").
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from oss_local_cloud.signatures.credentials import Credentials, constant_time_equals

ALGORITHM = "ACS3-HMAC-SHA256"
MAX_SKEW_SECONDS = 15 * 60
_AUTHORIZATION = re.compile(rf"{ALGORITHM} Credential=([^,]+), ?SignedHeaders=([^,]*), ?Signature=([0-9a-f]+)")
_REQUIRED_SIGNED_HEADERS = (
    "host",
    "x-acs-action",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-version",
)


class Acs3SignatureError(Exception):
    """A missing or invalid signature: the HTTP `status`, the error `code` and the `message`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class NonceCache:
    """The nonces of served requests, kept while their dates would still be accepted."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def take(self, nonce: str, now: float) -> None:
        """Add the nonce of a request with a valid signature.

        A date may be as far in the future as in the past, so a nonce is kept for twice the skew.

        Raises:
            Acs3SignatureError: The nonce was used before.
        """
        while self._seen:
            oldest = next(iter(self._seen))
            if self._seen[oldest] > now - 2 * MAX_SKEW_SECONDS:
                break
            del self._seen[oldest]
        if nonce in self._seen:
            raise Acs3SignatureError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        self._seen[nonce] = now


def canonical_request(
    method: str, path: str, query: str, headers: Mapping[str, str], signed: list[str], payload_hash: str
) -> str:
    """The canonical request. `query` is the raw one, `headers` and `signed` have lower-case names."""
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    canonical_query = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in signed)
    return f"{method}\n{path}\n{canonical_query}\n{lines}\n{';'.join(signed)}\n{payload_hash}"


def sign(secret: str, canonical: str) -> str:
    """The hexadecimal signature of a canonical request."""
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def verify(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    now: float,
) -> None:
    """Check that a request is signed by the account.

    `headers` has lower-case names; `now` is the server's clock in seconds since the epoch.

    Raises:
        Acs3SignatureError: The signature is missing or invalid.
    """
    authorization = headers.get("authorization")
    if not authorization:
        raise Acs3SignatureError(400, "MissingAuthorization", "Authorization is mandatory for this action.")
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    if match is None:
        raise Acs3SignatureError(400, "IncompleteSignature", f"The request signature does not conform to {ALGORITHM}.")
    key_id, signed, given = match[1], match[2].lower().split(";"), match[3]
    if signed != sorted(signed) or any(name not in signed for name in _REQUIRED_SIGNED_HEADERS):
        raise Acs3SignatureError(
            400, "IncompleteSignature", f"SignedHeaders must be sorted and have {', '.join(_REQUIRED_SIGNED_HEADERS)}."
        )
    if not headers.get("x-acs-signature-nonce"):
        raise Acs3SignatureError(400, "MissingSignatureNonce", "x-acs-signature-nonce is mandatory for this action.")
    if not credentials.is_key_id(key_id):
        raise Acs3SignatureError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    if not credentials.accepts_token(headers.get("x-acs-security-token")):
        raise Acs3SignatureError(
            400, "InvalidSecurityToken.Malformed", "The specified parameter SecurityToken is not valid."
        )
    _check_date(headers.get("x-acs-date", ""), now)
    payload_hash = hashlib.sha256(body).hexdigest()
    if not constant_time_equals(headers.get("x-acs-content-sha256", ""), payload_hash):
        raise Acs3SignatureError(
            400, "InvalidContentSha256", "x-acs-content-sha256 is not the SHA-256 of the request body."
        )
    expected = sign(
        credentials.access_key_secret, canonical_request(method, path, query, headers, signed, payload_hash)
    )
    if not constant_time_equals(given, expected):
        raise Acs3SignatureError(400, "SignatureDoesNotMatch", "Specified signature does not match our calculation.")


def _check_date(date: str, now: float) -> None:
    try:
        time = datetime.strptime(date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Acs3SignatureError(
            400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."
        ) from None
    if abs(now - time.timestamp()) > MAX_SKEW_SECONDS:
        raise Acs3SignatureError(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
