"""The OSS verifier against requests that real SDKs signed; nothing here signs anything itself."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oss_local_cloud.oss.addressing import parse_request_head
from oss_local_cloud.signatures.credentials import Credentials
from oss_local_cloud.signatures.oss_verifier import OssVerifier
from oss_local_cloud.signatures.request import AuthenticationError, RequestHead, parse_time

REGION = "cn-hangzhou"
CAPTURES = Path(__file__).with_name("captured_oss_requests.txt")


@dataclass(frozen=True)
class Capture:
    name: str
    kind: str
    matches: bool
    request: RequestHead
    sent_at: datetime
    signed: dict[str, str]


def _captures() -> list[Capture]:
    captures = []
    for block in re.split(r"^### ", CAPTURES.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, request_line, *header_lines, signed = block.strip().split("\n")
        name, kind, verdict = title.split(" ")
        method, target, _ = request_line.split(" ")
        path, _, query = target.partition("?")
        pairs = (line.split(": ", 1) for line in header_lines)
        headers = {name.lower(): value for name, value in pairs}
        request = parse_request_head(method, path.encode(), query.encode(), headers, ())
        captures.append(
            Capture(
                name, kind, verdict == "match", request, _sent_at(request), json.loads(signed.removeprefix("signed "))
            )
        )
    return captures


def _sent_at(request: RequestHead) -> datetime:
    written = request.headers.get("x-oss-date") or request.headers.get("date") or request.parameter("x-oss-date")
    if written:
        moment = parse_time(written)
        assert moment is not None
        return moment
    expires = request.parameter("Expires") or request.parameter("x-oss-expires")
    assert expires
    return datetime.fromtimestamp(int(expires), UTC) - timedelta(seconds=30)


ALL = _captures()
MATCHING = [capture for capture in ALL if capture.matches]
HEADER_SIGNED = [capture for capture in MATCHING if capture.kind.endswith("header")]
QUERY_SIGNED = [capture for capture in MATCHING if capture.kind.endswith("query")]


def named(name: str) -> Capture:
    return next(capture for capture in ALL if capture.name == name)


def verify(
    request: RequestHead,
    now: datetime,
    *,
    secret: str = "testSK",
    key_id: str = "testAK",
    token: str | None = "tok",
    region: str = REGION,
) -> None:
    OssVerifier(Credentials(key_id, secret, token), region, lambda: now).verify(request)


def refusal(request: RequestHead, now: datetime, **settings: str | None) -> AuthenticationError:
    with pytest.raises(AuthenticationError) as raised:
        verify(request, now, **settings)
    return raised.value


def test_the_captures_cover_every_version_and_place():
    kinds = {capture.kind for capture in MATCHING}
    assert kinds == {"V1-header", "V1-query", "V2-header", "V2-query", "V4-header", "V4-query"}
    assert len(MATCHING) > 100


@pytest.mark.parametrize("capture", MATCHING, ids=lambda c: c.name)
def test_what_the_sdks_sign_is_let_in(capture: Capture):
    verify(capture.request, capture.sent_at)


@pytest.mark.parametrize("capture", [c for c in ALL if not c.matches], ids=lambda c: c.name)
def test_v1_submits_of_oss_v2_do_not_match(capture: Capture):
    """alibabacloud-oss-v2 1.4.1 leaves x-oss-async-process out of its V1 signature."""
    assert refusal(capture.request, capture.sent_at).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("capture", MATCHING, ids=lambda c: c.name)
def test_another_secret_is_refused(capture: Capture):
    error = refusal(capture.request, capture.sent_at, secret="otherSK")
    assert (error.status, error.code, error.ec) == (403, "SignatureDoesNotMatch", "0002-00000040")
    assert error.details["StringToSign"]
    assert "otherSK" not in repr(error.details)


@pytest.mark.parametrize("capture", MATCHING, ids=lambda c: c.name)
def test_another_method_or_resource_is_refused(capture: Capture):
    request = capture.request
    for changed in (
        request._replace(method="PATCH"),
        request._replace(bucket="otherbucket"),
        request._replace(bucket=request.bucket or "otherbucket", key=request.key + "x"),
    ):
        assert refusal(changed, capture.sent_at).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("capture", HEADER_SIGNED, ids=lambda c: c.name)
def test_an_added_or_changed_signed_header_is_refused(capture: Capture):
    for name in ("x-oss-meta-added", "content-type", "content-md5"):
        headers = {**capture.request.headers, name: "changed"}
        changed = capture.request._replace(headers=headers)
        assert refusal(changed, capture.sent_at).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("capture", [c for c in MATCHING if not c.kind.startswith("V1")], ids=lambda c: c.name)
def test_v2_and_v4_sign_every_query_parameter(capture: Capture):
    changed = capture.request._replace(query=[*capture.request.query, ("prefix", "added")])
    assert refusal(changed, capture.sent_at).code == "SignatureDoesNotMatch"


def test_v1_signs_sub_resources_only():
    capture = named("V1:get")
    verify(capture.request._replace(query=[("prefix", "x")]), capture.sent_at)
    changed = capture.request._replace(query=[("tagging", "")])
    assert refusal(changed, capture.sent_at).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("capture", MATCHING, ids=lambda c: c.name)
def test_what_the_sender_signed_is_what_the_server_computes(capture: Capture):
    """A refusal shows both strings, without the value of the token."""
    error = refusal(capture.request, capture.sent_at, secret="otherSK")
    names = {"string_to_sign": "StringToSign", "canonical_request": "CanonicalRequest"}
    shown = {name: error.details[names[name]] for name in capture.signed}
    hidden = {name: re.sub(r"(security-token)[:=]tok\b", r"\1:****", text) for name, text in capture.signed.items()}
    assert shown == hidden


def test_the_captured_string_to_sign_comes_out():
    v1 = refusal(named("V1:put_headers").request, named("V1:put_headers").sent_at, secret="otherSK")
    assert v1.details["StringToSign"] == (
        "PUT\n\naudio/mpeg\nSun, 22 Nov 2026 14:46:56 GMT\nx-oss-forbid-overwrite:true\nx-oss-meta-a:1\n"
        "x-oss-tagging:k=v\n/examplebucket/src.mp3"
    )
    v2 = refusal(named("V2:list_v2").request, named("V2:list_v2").sent_at, secret="otherSK")
    assert v2.details["StringToSign"] == (
        "GET\n\n\nSun, 22 Nov 2026 14:46:56 GMT\n\n%2Fexamplebucket%2F?continuation-token&delimiter=%2F"
        "&encoding-type=url&fetch-owner=false&list-type=2&max-keys=1000&prefix=in%2F&start-after"
    )
    v4 = refusal(named("a4:list_v2").request, named("a4:list_v2").sent_at, secret="otherSK")
    assert v4.details["CanonicalRequest"] == (
        "GET\n/examplebucket/\ncontinuation-token=abc&delimiter=%2F&encoding-type=url&fetch-owner=false"
        "&list-type=2&max-keys=1000&prefix=in%2F\ncontent-md5:1B2M2Y8AsgTpgAmY7PhCfg==\n"
        "content-type:application/octet-stream\nx-oss-content-sha256:UNSIGNED-PAYLOAD\n"
        "x-oss-date:20261122T144700Z\n\n\nUNSIGNED-PAYLOAD"
    )
    assert v4.details["StringToSign"] == (
        "OSS4-HMAC-SHA256\n20261122T144700Z\n20261122/cn-hangzhou/oss/aliyun_v4_request\n"
        "f18a9fb80c0ebba1f48d3e2b490c3b88a7dc98388e74e26b1c95e5064114b2f3"
    )


@pytest.mark.parametrize("capture", HEADER_SIGNED, ids=lambda c: c.name)
@pytest.mark.parametrize("direction", [-1, 1])
def test_fifteen_minutes_of_skew_are_allowed_and_no_more(capture: Capture, direction: int):
    verify(capture.request, capture.sent_at + direction * timedelta(seconds=900))
    error = refusal(capture.request, capture.sent_at + direction * timedelta(seconds=901))
    assert (error.status, error.code, error.ec) == (403, "RequestTimeTooSkewed", "0002-00000504")
    assert error.details["MaxAllowedSkewMilliseconds"] == "900000"


@pytest.mark.parametrize(
    ("name", "good_for"), [("V1:signed_get", 30), ("V2:signed_get", 30), ("V4:signed_get", 60), ("q4", 59)]
)
def test_presigned_addresses_expire(name: str, good_for: int):
    capture = named(name)
    verify(capture.request, capture.sent_at + timedelta(seconds=good_for))
    error = refusal(capture.request, capture.sent_at + timedelta(seconds=good_for + 1))
    assert (error.status, error.code, error.message) == (403, "AccessDenied", "Request has expired.")


def test_a_v4_presigned_address_begins_fifteen_minutes_before_its_time():
    capture = next(c for c in MATCHING if c.request.parameter("x-oss-date") is not None)
    begins = parse_time(capture.request.parameter("x-oss-date") or "")
    assert begins is not None
    verify(capture.request, begins - timedelta(minutes=15))
    error = refusal(capture.request, begins - timedelta(minutes=15, seconds=1))
    assert (error.status, error.code, error.ec) == (403, "AccessDenied", "0002-00000235")


@pytest.mark.parametrize("capture", [c for c in MATCHING if c.kind.startswith("V4")], ids=lambda c: c.name)
def test_v4_is_bound_to_its_region(capture: Capture):
    error = refusal(capture.request, capture.sent_at, region="local-1")
    assert (error.status, error.code, error.ec) == (400, "InvalidArgument", "0002-00000226")
    assert error.message.startswith("Invalid signing region in")


def test_v4_date_and_time_must_agree():
    capture = named("V4:get")
    authorization = capture.request.headers["authorization"].replace("20261122/", "20261121/")
    changed = capture.request._replace(headers={**capture.request.headers, "authorization": authorization})
    assert refusal(changed, capture.sent_at).message == "Invalid signing date in Authorization header."


def test_v4_takes_unsigned_payloads_only():
    capture = named("V4:get")
    changed = capture.request._replace(headers={**capture.request.headers, "x-oss-content-sha256": "0" * 64})
    assert refusal(changed, capture.sent_at).code == "InvalidArgument"


@pytest.mark.parametrize("capture", MATCHING, ids=lambda c: c.name)
def test_an_unknown_access_key_is_refused(capture: Capture):
    error = refusal(capture.request, capture.sent_at, key_id="otherAK")
    assert (error.status, error.code, error.ec) == (403, "InvalidAccessKeyId", "0002-00000902")


@pytest.mark.parametrize("name", ["PV4sts:put", "s4sts:put", "q4sts", "q1sts"])
@pytest.mark.parametrize("configured", [None, "another"])
def test_an_sts_token_is_refused_unless_it_is_the_configured_one(name: str, configured: str | None):
    capture = named(name)
    error = refusal(capture.request, capture.sent_at, token=configured)
    assert (error.status, error.code) == (403, "InvalidSecurityToken")


def test_an_sts_token_is_not_shown_in_the_string_to_sign():
    capture = named("PV4sts:put")
    error = refusal(capture.request, capture.sent_at, secret="otherSK")
    assert "x-oss-security-token:****" in error.details["CanonicalRequest"]


def test_anonymous_requests_are_refused():
    capture = named("V4:get")
    unsigned = capture.request._replace(headers={"host": "127.0.0.1"})
    error = refusal(unsigned, capture.sent_at)
    assert (error.status, error.code, error.ec) == (403, "AccessDenied", "0003-00000001")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("Basic dGVzdA==", "InvalidArgument"),
        ("OSS testAK", "SignatureDoesNotMatch"),
        ("OSS testAK:ünicode", "SignatureDoesNotMatch"),
        ("OSS2 AccessKeyId:testAK", "SignatureDoesNotMatch"),
        ("OSS2 nonsense", "InvalidAccessKeyId"),
        ("OSS4-HMAC-SHA256 Credential=testAK", "InvalidArgument"),
        ("OSS4-HMAC-SHA256 Credential=testAK/20261122/cn-hangzhou/mns/aliyun_v4_request", "InvalidArgument"),
        (
            "OSS4-HMAC-SHA256 Credential=testAK/20261122/cn-hangzhou/oss/aliyun_v4_request",
            "SignatureDoesNotMatch",
        ),
        ("OSS4-HMAC-SHA256 ", "InvalidArgument"),
    ],
)
def test_a_broken_authorization_header_is_refused(authorization: str, code: str):
    capture = named("V4:get")
    changed = capture.request._replace(headers={**capture.request.headers, "authorization": authorization})
    assert refusal(changed, capture.sent_at).code == code


@pytest.mark.parametrize("date", ["", "yesterday", "20261122T1446Z", "Sun, 99 Nov 2026 14:46:56 GMT"])
def test_a_missing_or_unreadable_date_is_refused(date: str):
    capture = named("V1:get")
    changed = capture.request._replace(headers={**capture.request.headers, "date": date})
    error = refusal(changed, capture.sent_at)
    assert (error.status, error.code) == (403, "AccessDenied")
    assert error.message == "OSS authentication requires a valid Date."


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("V1:signed_get", "Expires", "soon"),
        ("V2:signed_get", "x-oss-expires", "-1"),
        ("V4:signed_get", "x-oss-expires", "604801"),
        ("V4:signed_get", "x-oss-expires", "0"),
        ("V4:signed_get", "x-oss-date", "now"),
        ("V4:signed_get", "x-oss-signature-version", "OSS9"),
    ],
)
def test_broken_presigned_parameters_are_refused(name: str, parameter: str, value: str):
    capture = named(name)
    query = [(key, value if key == parameter else old) for key, old in capture.request.query]
    assert refusal(capture.request._replace(query=query), capture.sent_at).code in {
        "AccessDenied",
        "InvalidArgument",
    }


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("V1:signed_get", "Signature"),
        ("V1:signed_get", "Expires"),
        ("V2:signed_get", "x-oss-signature"),
        ("V4:signed_get", "x-oss-signature"),
        ("V4:signed_get", "x-oss-date"),
    ],
)
@pytest.mark.parametrize("second", [None, "another"])
def test_a_parameter_of_the_signature_is_given_once(name: str, parameter: str, second: str | None):
    capture = named(name)
    verify(capture.request, capture.sent_at)
    query = capture.request.query
    again = dict(query)[parameter] if second is None else second
    for twice in ([*query, (parameter, again)], [(parameter, again), *query]):
        error = refusal(capture.request._replace(query=twice), capture.sent_at)
        assert (error.status, error.code) == (400, "InvalidArgument")
        assert parameter in error.message


@pytest.mark.parametrize("parameter", ["Signature", "OSSAccessKeyId", "x-oss-signature"])
@pytest.mark.parametrize("name", ["V1:get", "V4:get"])
def test_a_request_is_not_signed_in_two_places(name: str, parameter: str):
    capture = named(name)
    query = [*capture.request.query, (parameter, "x")]
    error = refusal(capture.request._replace(query=query), capture.sent_at)
    assert (error.status, error.code, error.ec) == (400, "InvalidArgument", "0002-00000039")


def test_the_secret_never_shows():
    assert "testSK" not in repr(Credentials("testAK", "testSK", "tok"))
    assert "'tok'" not in repr(Credentials("testAK", "testSK", "tok"))
