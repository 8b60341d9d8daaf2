"""The signature of IMM requests, on a request written out by hand and signed as the gateway's page says."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from oss_local_cloud.signatures.acs3 import Acs3SignatureError, NonceCache, canonical_request, verify
from oss_local_cloud.signatures.credentials import Credentials

CREDENTIALS = Credentials("testAK", "testSK", security_token="tok")
SIGNED_AT = datetime(2026, 11, 22, 14, 34, 24, tzinfo=UTC).timestamp()
QUERY = "TaskId=MediaConvert-1&ProjectName=local%20imm%2F%E4%B8%AD"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
HEADERS = {
    "host": "127.0.0.1:9002",
    "user-agent": "AlibabaCloud",
    "x-acs-action": "GetTask",
    "x-acs-content-sha256": EMPTY,
    "x-acs-date": "2026-11-22T14:34:24Z",
    "x-acs-signature-nonce": "0123456789abcdef",
    "x-acs-version": "2020-09-30",
}
SIGNED = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
CANONICAL = f"""POST
/
ProjectName=local%20imm%2F%E4%B8%AD&TaskId=MediaConvert-1
host:127.0.0.1:9002
x-acs-action:GetTask
x-acs-content-sha256:{EMPTY}
x-acs-date:2026-11-22T14:34:24Z
x-acs-signature-nonce:0123456789abcdef
x-acs-version:2020-09-30

{SIGNED}
{EMPTY}"""


def authorization(
    canonical: str = CANONICAL, secret: str = "testSK", key_id: str = "testAK", signed: str = SIGNED
) -> str:
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={signed},Signature={signature}"


def test_the_canonical_request_is_the_documented_one() -> None:
    assert canonical_request("POST", "/", QUERY, HEADERS, SIGNED.split(";"), EMPTY) == CANONICAL


@pytest.mark.parametrize("token", [{}, {"x-acs-security-token": "tok"}])
@pytest.mark.parametrize("seconds", [-900, 0, 900])
def test_a_signed_request_verifies_within_fifteen_minutes(token: dict[str, str], seconds: int) -> None:
    headers = {**HEADERS, **token, "authorization": authorization()}
    verify("POST", "/", QUERY, headers, b"", CREDENTIALS, SIGNED_AT + seconds)


@pytest.mark.parametrize(
    ("changes", "body", "now", "code"),
    [
        ({"authorization": ""}, b"", 0, "MissingAuthorization"),
        ({"authorization": "acs testAK:abc="}, b"", 0, "IncompleteSignature"),
        ({"authorization": authorization(signed="host;x-acs-action")}, b"", 0, "IncompleteSignature"),
        ({"authorization": authorization(key_id="nobody")}, b"", 0, "InvalidAccessKeyId.NotFound"),
        ({"authorization": authorization(secret="wrong")}, b"", 0, "SignatureDoesNotMatch"),
        ({"x-acs-action": "ListTasks"}, b"", 0, "SignatureDoesNotMatch"),
        ({"x-acs-security-token": "stolen"}, b"", 0, "InvalidSecurityToken.Malformed"),
        ({"x-acs-signature-nonce": ""}, b"", 0, "MissingSignatureNonce"),
        ({"x-acs-signature-nonce": "another"}, b"", 0, "SignatureDoesNotMatch"),
        ({"x-acs-date": "yesterday"}, b"", 0, "InvalidTimeStamp.Format"),
        ({}, b"", 901, "InvalidTimeStamp.Expired"),
        ({}, b"", -901, "InvalidTimeStamp.Expired"),
        ({}, b"more", 0, "InvalidContentSha256"),
    ],
)
def test_what_is_not_signed_as_it_must_be_is_refused(changes: dict[str, str], body: bytes, now: int, code: str) -> None:
    headers = {**HEADERS, "authorization": authorization(), **changes}
    with pytest.raises(Acs3SignatureError) as caught:
        verify("POST", "/", QUERY, headers, body, CREDENTIALS, SIGNED_AT + now)
    assert caught.value.code == code
    assert "testSK" not in str(caught.value)


def test_a_nonce_serves_once_while_its_date_would_pass() -> None:
    nonces = NonceCache()
    nonces.take("a", SIGNED_AT)
    nonces.take("b", SIGNED_AT + 1)
    for later in (0, 1, 900, 1799):
        with pytest.raises(Acs3SignatureError, match="used already") as caught:
            nonces.take("a", SIGNED_AT + later)
        assert (caught.value.status, caught.value.code) == (400, "SignatureNonceUsed")
    nonces.take("a", SIGNED_AT + 1800)
    with pytest.raises(Acs3SignatureError, match="used already"):
        nonces.take("b", SIGNED_AT + 1800)
