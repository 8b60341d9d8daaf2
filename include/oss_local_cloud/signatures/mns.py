"""The request signatures of SMQ (MNS): HMAC-SHA1 and the newer MNS4-HMAC-SHA256 (mns4.py).

HMAC-SHA1 covers the verb, four headers and the request target as sent.

From the service's documentation ("Sign requests") and the requests captured from aliyun-mns-sdk: the target
is compared byte for byte as it stands in the request line, because no SDK encodes a ReceiptHandle.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from oss_local_cloud.signatures import mns4
from oss_local_cloud.signatures.credentials import Credentials, constant_time_equals

MAX_SKEW_SECONDS = 15 * 60


class MnsSignatureError(Exception):
    """A missing or invalid signature: the HTTP `status`, the error `code` and the `message`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def string_to_sign(method: str, target: str, headers: Mapping[str, str]) -> str:
    """The string to sign. `headers` has lower-case names; `target` is path and query as sent."""
    mns_headers = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-mns-"))
    lines = "\n".join(
        (method, headers.get("content-md5", ""), headers.get("content-type", ""), headers.get("date", ""))
    )
    return f"{lines}\n{mns_headers}{target}"


def sign(secret: str, text: str) -> str:
    """The Base64 of HMAC-SHA1, the value after the colon of `Authorization: MNS key:signature`."""
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def verify(
    method: str, target: str, headers: Mapping[str, str], credentials: Credentials, now: float, *, region: str
) -> None:
    """Check that a request is signed by the account.

    `headers` has lower-case names; `now` is the server's clock in seconds since the epoch; `region` is the required
    region of an MNS4 signature.

    Raises:
        MnsSignatureError: The signature is missing or invalid.
    """
    authorization = headers.get("authorization")
    if not authorization:
        raise MnsSignatureError(400, "MissingAuthorizationHeader", "Authorization header is required.")
    mns4_fields = mns4.parse_authorization(authorization)
    scheme, _, credential = authorization.partition(" ")
    key_id, colon, given = credential.strip().rpartition(":")
    if mns4_fields is not None:
        key_id, given = mns4_fields.key_id, mns4_fields.signature
    elif scheme != "MNS" or not colon or not key_id or not given:
        raise MnsSignatureError(400, "InvalidAuthorizationHeader", "The Authorization header format is invalid.")
    date = _checked_date(headers.get("date"), now)
    if not credentials.is_key_id(key_id):
        raise MnsSignatureError(403, "InvalidAccessKeyId", "The AccessKey Id you provided is not exist.")
    if not credentials.accepts_token(headers.get("security-token")):
        raise MnsSignatureError(403, "InvalidSecurityToken", "The security token you provided is invalid.")
    secret = credentials.access_key_secret
    if mns4_fields is None:
        expected = [sign(secret, string_to_sign(method, target, headers))]
    elif mns4_fields.region == region:
        expected = mns4.possible_signatures(secret, mns4_fields, date, _canonical(method, target, headers))
    else:
        expected = []
    if not any(constant_time_equals(given, one) for one in expected):
        raise MnsSignatureError(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
        )


def _canonical(method: str, target: str, headers: Mapping[str, str]) -> str:
    path, _, query = target.partition("?")
    pairs = [part.partition("=") for part in query.split("&") if part]
    return mns4.canonical_request(
        method, unquote(path), [(unquote(name), unquote(value)) for name, _, value in pairs], headers
    )


def _checked_date(date: str | None, now: float) -> datetime:
    if not date:
        raise MnsSignatureError(400, "MissingDateHeader", "Date header is required.")
    try:
        time = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        raise MnsSignatureError(400, "InvalidDateHeader", "The Date header format is invalid.") from None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    if abs((datetime.fromtimestamp(now, UTC) - time).total_seconds()) > MAX_SKEW_SECONDS:
        raise MnsSignatureError(408, "TimeExpired", "The http request you sent is expired.")
    return time
