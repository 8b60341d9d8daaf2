"""Finds and verifies the signature of an OSS request: V1, V2 or V4, in the Authorization header or in the query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import quote

from oss_local_cloud.signatures import oss_v1, oss_v2, oss_v4
from oss_local_cloud.signatures.credentials import Credentials, constant_time_equals
from oss_local_cloud.signatures.request import (
    AuthenticationError,
    RequestHead,
    access_denied,
    check_begun,
    check_not_expired,
    check_skew,
    invalid_argument,
    parse_seconds,
    parse_time,
    request_time,
    signing_date,
)

MAX_V4_PRESIGNED_SECONDS = 604_800
"""A V4 presigned URL is valid for seven days at most."""

_SIGNATURE_PARAMETERS = frozenset({"OSSAccessKeyId", "Signature", "x-oss-signature", "x-oss-signature-version"})
_UNIQUE_PARAMETERS = _SIGNATURE_PARAMETERS | {
    "Expires",
    "security-token",
    "x-oss-access-key-id",
    "x-oss-additional-headers",
    "x-oss-credential",
    "x-oss-date",
    "x-oss-expires",
    "x-oss-security-token",
}


class OssVerifier:
    """Verifies requests for one account in one region; `now` gives the server's time (aware, UTC)."""

    def __init__(self, credentials: Credentials, region: str, now: Callable[[], datetime]) -> None:
        self._credentials = credentials
        self._region = region
        self._now = now

    def verify(self, request: RequestHead) -> None:
        """Check that a request is signed by the account.

        Raises:
            AuthenticationError: The signature is missing or invalid.
        """
        authorization = request.headers.get("authorization")
        if request.query:
            _check_one_signature(request, authorization is not None)
        if authorization is not None:
            if authorization.startswith(oss_v4.ALGORITHM + " "):
                self._v4_header(request, authorization)
            elif authorization.startswith("OSS2 "):
                self._v2_header(request, authorization)
            elif authorization.startswith("OSS "):
                self._v1_header(request, authorization)
            else:
                raise invalid_argument("Authorization header is invalid.")
        elif (version := request.parameter("x-oss-signature-version")) is not None:
            if version == oss_v4.ALGORITHM:
                self._v4_query(request)
            elif version == "OSS2":
                self._v2_query(request)
            else:
                raise invalid_argument("Invalid x-oss-signature-version parameter.")
        elif request.parameter("OSSAccessKeyId") is not None:
            self._v1_query(request)
        else:
            raise access_denied("You have no right to access this object because of bucket acl.", "0003-00000001")

    def _v1_header(self, request: RequestHead, authorization: str) -> None:
        key_id, _, provided = authorization.removeprefix("OSS ").strip().partition(":")
        self._check_account(request, key_id)
        check_skew(request, self._now())
        self._compare_v1(request, request_time(request), provided)

    def _v1_query(self, request: RequestHead) -> None:
        expires, provided = request.parameter("Expires"), request.parameter("Signature")
        if expires is None or provided is None:
            raise access_denied(
                "Query-string authentication requires the Signature, Expires and OSSAccessKeyId parameters"
            )
        self._check_account(request, request.parameter("OSSAccessKeyId") or "")
        check_not_expired(parse_seconds(expires, "Expires"), self._now())
        self._compare_v1(request, expires, provided)

    def _compare_v1(self, request: RequestHead, date: str, provided: str) -> None:
        to_sign = oss_v1.string_to_sign(request, date)
        expected = oss_v1.signature(self._credentials.access_key_secret, to_sign)
        self._compare(provided, expected, {"StringToSign": to_sign})

    def _v2_header(self, request: RequestHead, authorization: str) -> None:
        fields = _parse_fields(authorization.removeprefix("OSS2 "), ":")
        self._check_account(request, fields.get("AccessKeyId", ""))
        check_skew(request, self._now())
        additional = _parse_header_names(fields.get("AdditionalHeaders", ""))
        self._compare_v2(request, request_time(request), additional, fields.get("Signature", ""))

    def _v2_query(self, request: RequestHead) -> None:
        expires = request.parameter("x-oss-expires")
        self._check_account(request, request.parameter("x-oss-access-key-id") or "")
        check_not_expired(parse_seconds(expires, "x-oss-expires"), self._now())
        additional = _parse_header_names(request.parameter("x-oss-additional-headers") or "")
        self._compare_v2(request, expires or "", additional, request.parameter("x-oss-signature") or "")

    def _compare_v2(self, request: RequestHead, date: str, additional: Sequence[str], provided: str) -> None:
        to_sign = oss_v2.string_to_sign(request, date, additional)
        expected = oss_v2.signature(self._credentials.access_key_secret, to_sign)
        self._compare(provided, expected, {"StringToSign": to_sign})

    def _v4_header(self, request: RequestHead, authorization: str) -> None:
        fields = _parse_fields(authorization.removeprefix(oss_v4.ALGORITHM), "=")
        scope = oss_v4.parse_scope(fields.get("Credential", ""))
        self._check_account(request, scope.access_key_id)
        self._check_scope(scope, "in Authorization header")
        check_skew(request, self._now())
        if request.headers.get("x-oss-content-sha256", oss_v4.UNSIGNED_PAYLOAD) != oss_v4.UNSIGNED_PAYLOAD:
            raise invalid_argument("Invalid x-oss-content-sha256, only UNSIGNED-PAYLOAD is supported.")
        additional = _parse_header_names(fields.get("AdditionalHeaders", ""))
        self._compare_v4(request, request_time(request), scope, additional, fields.get("Signature", ""))

    def _v4_query(self, request: RequestHead) -> None:
        scope = oss_v4.parse_scope(request.parameter("x-oss-credential") or "")
        self._check_account(request, scope.access_key_id)
        self._check_scope(scope, "in x-oss-credential parameter")
        date = request.parameter("x-oss-date") or ""
        signed_at = parse_time(date)
        if signed_at is None:
            raise invalid_argument("Invalid x-oss-date parameter.")
        expires = parse_seconds(request.parameter("x-oss-expires"), "x-oss-expires")
        if not 1 <= expires <= MAX_V4_PRESIGNED_SECONDS:
            raise invalid_argument("Invalid x-oss-expires parameter: 1 to 604800 seconds are allowed.")
        check_begun(signed_at, self._now())
        check_not_expired(signed_at.timestamp() + expires, self._now())
        additional = _parse_header_names(request.parameter("x-oss-additional-headers") or "")
        self._compare_v4(request, date, scope, additional, request.parameter("x-oss-signature") or "")

    def _compare_v4(
        self,
        request: RequestHead,
        time: str,
        scope: oss_v4.Scope,
        additional: Sequence[str],
        provided: str,
    ) -> None:
        if signing_date(time) != scope.date:
            raise invalid_argument("Invalid signing date in Authorization header.")
        canonical = oss_v4.canonical_request(request, additional)
        to_sign = oss_v4.string_to_sign(time, scope, canonical)
        expected = oss_v4.signature(self._credentials.access_key_secret, scope, to_sign)
        self._compare(provided, expected, {"StringToSign": to_sign, "CanonicalRequest": canonical})

    def _check_scope(self, scope: oss_v4.Scope, where: str) -> None:
        if scope.region != self._region:
            raise invalid_argument(f"Invalid signing region {where}.", "0002-00000226")

    def _check_account(self, request: RequestHead, key_id: str) -> None:
        if not self._credentials.is_key_id(key_id):
            raise AuthenticationError(
                403,
                "InvalidAccessKeyId",
                "The OSS Access Key Id you provided does not exist in our records.",
                "0002-00000902",
                {"OSSAccessKeyId": key_id},
            )
        if not self._credentials.accepts_token(_token(request)):
            raise AuthenticationError(
                403,
                "InvalidSecurityToken",
                "The security token you provided is invalid.",
                "0002-00000006",
            )

    def _compare(self, provided: str, expected: str, signed: dict[str, bytes]) -> None:
        if constant_time_equals(provided, expected):
            return
        masked = {name: self._mask_token(text.decode("utf-8", "replace")) for name, text in signed.items()}
        raise AuthenticationError(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided."
            " Check your key and signing method.",
            "0002-00000040",
            {
                "OSSAccessKeyId": self._credentials.access_key_id,
                "SignatureProvided": provided,
                **masked,
            },
        )

    def _mask_token(self, text: str) -> str:
        """The text with the value of the STS token masked, in header lines and parameters."""
        token = self._credentials.security_token
        if not token:
            return text
        for form in (f":{token}", f"={token}", "=" + quote(token, "")):
            text = text.replace("security-token" + form, "security-token:****")
        return text


def _check_one_signature(request: RequestHead, in_header: bool) -> None:
    """Refuse an ambiguous request: signed in two places, or twice in the query."""
    names = [name for name, _ in request.query if name in _UNIQUE_PARAMETERS]
    if in_header and not _SIGNATURE_PARAMETERS.isdisjoint(names):
        raise invalid_argument(
            "A request is signed either in the Authorization header or in the query, not in both.", "0002-00000039"
        )
    for name in names:
        if names.count(name) > 1:
            raise invalid_argument(f"The parameter {name} may be given once only.")


def _token(request: RequestHead) -> str | None:
    for name in ("x-oss-security-token", "security-token"):
        token = request.headers.get(name) or (request.parameter(name) if request.query else None)
        if token:
            return token
    return None


def _parse_fields(text: str, separator: str) -> dict[str, str]:
    """`a=1, b=2` (spaces optional) as a mapping; a value may contain the separator."""
    fields = {}
    for part in text.split(","):
        name, _, value = part.strip().partition(separator)
        fields[name] = value
    return fields


def _parse_header_names(text: str) -> list[str]:
    return [name.strip().lower() for name in text.split(";") if name.strip()] if text else []
