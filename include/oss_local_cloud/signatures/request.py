"""The head of a request, its canonical parts and time checks, and the error of the OSS verifier."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

_ISO_BASIC = re.compile(r"[0-9]{8}T[0-9]{6}Z")
MAX_SKEW_SECONDS = 900
"""Maximum difference between a request's time and the server's (OSS error 0002-00000504)."""


class RequestHead(NamedTuple):
    """The head of a request, decoded.

    Attributes:
        method: The HTTP method.
        bucket: The bucket, None for requests to the service itself.
        key: The decoded key, empty for bucket requests.
        query: The decoded parameters in their order.
        headers: Lower-case names, and values decoded as Latin-1, which encode to the bytes that were sent.
    """

    method: str
    bucket: str | None
    key: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter, None when it is absent."""
        for key, value in self.query:
            if key == name:
                return value
        return None

    @property
    def resource(self) -> str:
        """`/bucket/key` for both addressing styles; `/` for the service."""
        return "/" if self.bucket is None else f"/{self.bucket}/{self.key}"


@dataclass(eq=False)
class AuthenticationError(Exception):
    """A request whose authentication failed; `details` are further elements of the error's XML."""

    status: int
    code: str
    message: str
    ec: str = ""
    details: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def access_denied(message: str, ec: str = "") -> AuthenticationError:
    """403 AccessDenied."""
    return AuthenticationError(403, "AccessDenied", message, ec)


def invalid_argument(message: str, ec: str = "") -> AuthenticationError:
    """400 InvalidArgument."""
    return AuthenticationError(400, "InvalidArgument", message, ec)


def signed_headers(request: RequestHead, also: Sequence[str] = ()) -> bytes:
    """The canonical lines `name:value` of all `x-oss-*` headers and of those named in `also`."""
    headers = request.headers
    names = sorted([name for name in headers if name[:6] == "x-oss-" or name in also])
    return "".join([f"{name}:{headers[name].strip()}\n" for name in names]).encode("latin-1")


def percent_encode(text: str, safe: str = "") -> str:
    """Percent-encode all but the unreserved characters of RFC 3986 and `safe`."""
    return quote(text, safe=safe)


def canonical_query(parameters: Sequence[tuple[str, str]]) -> str:
    """Encode, sort and join parameters; an empty value leaves the bare name."""
    if not parameters:
        return ""
    encoded = sorted((percent_encode(name), percent_encode(value)) for name, value in parameters)
    return "&".join(f"{name}={value}" if value else name for name, value in encoded)


@lru_cache(maxsize=1024)
def parse_time(text: str) -> datetime | None:
    """Parse a time in the format of `x-oss-date` (ISO 8601 basic) or `Date` (RFC 1123); None when it is neither."""
    try:
        if _ISO_BASIC.fullmatch(text):
            return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        parsed = parsedate_to_datetime(text)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=1024)
def signing_date(text: str) -> str:
    """The day (yyyymmdd, UTC) of a time that `parse_time` parses, else empty."""
    time = parse_time(text)
    return "" if time is None else time.strftime("%Y%m%d")


def request_time(request: RequestHead) -> str:
    """The request's time as it was sent: `x-oss-date`, else `Date`."""
    return request.headers.get("x-oss-date") or request.headers.get("date", "")


def check_skew(request: RequestHead, now: datetime) -> None:
    """Refuse a request whose time is missing, invalid or more than 15 minutes from `now`.

    Raises:
        AuthenticationError: AccessDenied, RequestTimeTooSkewed.
    """
    time = parse_time(request_time(request))
    if time is None:
        raise access_denied("OSS authentication requires a valid Date.")
    if abs((now - time).total_seconds()) > MAX_SKEW_SECONDS:
        raise AuthenticationError(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            "0002-00000504",
            {
                "MaxAllowedSkewMilliseconds": str(MAX_SKEW_SECONDS * 1000),
                "RequestTime": _iso(time),
                "ServerTime": _iso(now),
            },
        )


def check_begun(begins: datetime, now: datetime) -> None:
    """Refuse a presigned request more than 15 minutes before its start time.

    Raises:
        AuthenticationError: AccessDenied.
    """
    if (begins - now).total_seconds() > MAX_SKEW_SECONDS:
        raise AuthenticationError(
            403,
            "AccessDenied",
            "Request is not valid yet.",
            "0002-00000235",
            {"RequestTime": _iso(begins), "ServerTime": _iso(now)},
        )


def check_not_expired(expires_at: float, now: datetime) -> None:
    """Refuse a presigned request after its expiry time (seconds since the epoch).

    Raises:
        AuthenticationError: AccessDenied.
    """
    if now.timestamp() > expires_at:
        raise AuthenticationError(
            403,
            "AccessDenied",
            "Request has expired.",
            "0002-00000069",
            {"Expires": _iso(datetime.fromtimestamp(expires_at, UTC)), "ServerTime": _iso(now)},
        )


def parse_seconds(text: str | None, what: str) -> int:
    """Parse the seconds parameter `what` of a presigned URL.

    Raises:
        AuthenticationError: AccessDenied.
    """
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 12:
        raise access_denied(f"Invalid {what}: a whole number of seconds is required.", "0002-00000070")
    return int(text)


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
