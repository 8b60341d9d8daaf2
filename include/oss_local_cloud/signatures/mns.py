"""The request signatures of SMQ (MNS): HMAC-SHA1 over the verb, four headers and the request target as sent,
and the newer MNS4-HMAC-SHA256 (mns4.py).

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
from oss_local_cloud.signatures.credentials import Credentials, same

MAX_SKEW_SECONDS = 15 * 60


class MnsSignatureError(Exception):
    """A request that is not signed as it must be: the HTTP `status`, the error `code` and the `message`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def string_to_sign(method: str, target: str, headers: Mapping[str, str]) -> str:
    """What the client signs. `headers` has lower-case names; `target` is path and query as sent."""
    own = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-mns-"))
    fixed = "\n".join(
        (method, headers.get("content-md5", ""), headers.get("content-type", ""), headers.get("date", ""))
    )
    return f"{fixed}\n{own}{target}"


def sign(secret: str, text: str) -> str:
    """The Base64 of HMAC-SHA1, as it stands after the colon of `Authorization: MNS key:signature`."""
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def verify(
    method: str, target: str, headers: Mapping[str, str], credentials: Credentials, now: float, *, region: str
) -> None:
    """Check that a request is signed by the account; raises MnsSignatureError.

    `headers` has lower-case names; `now` is the server's clock in seconds since the epoch; `region` is the one
    a MNS4 signature must be made for.
    """
    authorization = headers.get("authorization")
    if not authorization:
        raise MnsSignatureError(400, "MissingAuthorizationHeader", "Authorization header is required.")
    newer = mns4.parse_authorization(authorization)
    scheme, _, credential = authorization.partition(" ")
    key_id, colon, given = credential.strip().rpartition(":")
    if newer is not None:
        key_id, given = newer.key_id, newer.signature
    elif scheme != "MNS" or not colon or not key_id or not given:
        raise MnsSignatureError(400, "InvalidAuthorizationHeader", "The Authorization header format is invalid.")
    date = _checked_date(headers.get("date"), now)
    if not credentials.is_key_id(key_id):
        raise MnsSignatureError(403, "InvalidAccessKeyId", "The AccessKey Id you provided is not exist.")
    if not credentials.accepts_token(headers.get("security-token")):
        raise MnsSignatureError(403, "InvalidSecurityToken", "The security token you provided is invalid.")
    secret = credentials.access_key_secret
    if newer is None:
        expected = [sign(secret, string_to_sign(method, target, headers))]
    elif newer.region == region:
        expected = mns4.possible_signatures(secret, newer, date, _canonical(method, target, headers))
    else:
        expected = []
    if not any(same(given, one) for one in expected):
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
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        raise MnsSignatureError(400, "InvalidDateHeader", "The Date header format is invalid.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if abs((datetime.fromtimestamp(now, UTC) - moment).total_seconds()) > MAX_SKEW_SECONDS:
        raise MnsSignatureError(408, "TimeExpired", "The http request you sent is expired.")
    return moment
