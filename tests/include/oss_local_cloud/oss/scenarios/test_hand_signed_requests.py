"""Requests signed by hand, with nothing of the server's or of an SDK: V1, V2 and V4, in a header and in the address."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64encode
from calendar import timegm
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
import requests

TOKEN = "token+of/this==cloud"
Sign = Callable[..., tuple[dict[str, str], dict[str, str]]]


def hmac_base64(algorithm: str, text: str) -> str:
    return b64encode(hmac.digest(b"testSK", text.encode(), algorithm)).decode()


def own_lines(headers: Mapping[str, str], also: tuple[str, ...] = ()) -> str:
    lowered = {name.lower(): value for name, value in headers.items()}
    return "".join(f"{n}:{v}\n" for n, v in sorted(lowered.items()) if n.startswith("x-oss-") or n in also)


def joined(parameters: Mapping[str, str]) -> str:
    pairs = sorted((quote(name, ""), quote(value, "")) for name, value in parameters.items())
    return "&".join(f"{name}={value}" if value else name for name, value in pairs)


def v1_header(method: str, path: str, headers: dict[str, str], query: dict[str, str], at: float, **_: Any):
    headers = headers | {"Date": formatdate(at, usegmt=True)}
    text = f"{method}\n\n{headers.get('Content-Type', '')}\n{headers['Date']}\n{own_lines(headers)}{path}"
    return headers | {"Authorization": f"OSS testAK:{hmac_base64('sha1', text)}"}, query


def v1_query(
    method: str, path: str, headers: dict[str, str], query: dict[str, str], at: float, lasts: int = 60, **_: Any
):
    expires = str(int(at) + lasts)
    signed = f"?security-token={query['security-token']}" if "security-token" in query else ""
    text = f"{method}\n\n{headers.get('Content-Type', '')}\n{expires}\n{own_lines(headers)}{path}{signed}"
    return headers, query | {"OSSAccessKeyId": "testAK", "Expires": expires, "Signature": hmac_base64("sha1", text)}


def v2_header(
    method: str, path: str, headers: dict[str, str], query: dict[str, str], at: float, also: str = "", **_: Any
):
    headers = headers | {"Date": formatdate(at, usegmt=True)}
    text = f"{method}\n\n{headers.get('Content-Type', '')}\n{headers['Date']}\n{own_lines(headers, (also,))}{also}\n"
    text += quote(path, "") + (f"?{joined(query)}" if query else "")
    named = f"AdditionalHeaders:{also}," if also else ""
    authorization = f"OSS2 AccessKeyId:testAK,{named}Signature:{hmac_base64('sha256', text)}"
    return headers | {"Authorization": authorization}, query


def v2_query(
    method: str,
    path: str,
    headers: dict[str, str],
    query: dict[str, str],
    at: float,
    lasts: int = 60,
    also: str = "",
    **_: Any,
):
    expires = str(int(at) + lasts)
    query = query | {"x-oss-signature-version": "OSS2", "x-oss-access-key-id": "testAK", "x-oss-expires": expires}
    query |= {"x-oss-additional-headers": also} if also else {}
    text = f"{method}\n\n{headers.get('Content-Type', '')}\n{expires}\n{own_lines(headers, (also,))}{also}\n"
    text += f"{quote(path, '')}?{joined(query)}"
    return headers, query | {"x-oss-signature": hmac_base64("sha256", text)}


def v4_signature(canonical: str, stamp: str, region: str) -> str:
    key = b"aliyun_v4testSK"
    for part in (stamp[:8], region, "oss", "aliyun_v4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"OSS4-HMAC-SHA256\n{stamp}\n{stamp[:8]}/{region}/oss/aliyun_v4_request\n"
    return hmac.digest(key, (text + hashlib.sha256(canonical.encode()).hexdigest()).encode(), "sha256").hex()


def v4_header(
    method: str,
    path: str,
    headers: dict[str, str],
    query: dict[str, str],
    at: float,
    also: str = "",
    region: str = "local-1",
    **_: Any,
):
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    headers = headers | {"x-oss-date": stamp, "x-oss-content-sha256": "UNSIGNED-PAYLOAD"}
    lines = own_lines(headers, ("content-type", "content-md5", also))
    canonical = f"{method}\n{quote(path)}\n{joined(query)}\n{lines}\n{also}\nUNSIGNED-PAYLOAD"
    scope = f"Credential=testAK/{stamp[:8]}/{region}/oss/aliyun_v4_request"
    named = f", AdditionalHeaders={also}" if also else ""
    signature = v4_signature(canonical, stamp, region)
    return headers | {"Authorization": f"OSS4-HMAC-SHA256 {scope}{named}, Signature={signature}"}, query


def v4_query(
    method: str,
    path: str,
    headers: dict[str, str],
    query: dict[str, str],
    at: float,
    lasts: int = 60,
    also: str = "",
    region: str = "local-1",
    **_: Any,
):
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    query = query | {"x-oss-signature-version": "OSS4-HMAC-SHA256", "x-oss-date": stamp, "x-oss-expires": str(lasts)}
    query |= {"x-oss-credential": f"testAK/{stamp[:8]}/{region}/oss/aliyun_v4_request"}
    query |= {"x-oss-additional-headers": also} if also else {}
    lines = own_lines(headers, ("content-type", "content-md5", also))
    canonical = f"{method}\n{quote(path)}\n{joined(query)}\n{lines}\n{also}\nUNSIGNED-PAYLOAD"
    return headers, query | {"x-oss-signature": v4_signature(canonical, stamp, region)}


IN_HEADERS = [v1_header, v2_header, v4_header]
IN_QUERIES = [v1_query, v2_query, v4_query]
ALL = IN_HEADERS + IN_QUERIES
ODD_KEYS = [
    "a b+c%2F.wav", "中/\U0001f3b5", "what?#&=;", "..", "a/../b", "a//b/", "~!'()*,@:$", '"<>\\^`{|}', 
    "tab\tline\n\x01", "trailing/", "x" * 1023, "ü" * 511,
]  # fmt: skip


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, local_cloud: Any) -> Iterator[Any]:
    """A local cloud that knows an STS token."""
    data = tmp_path_factory.mktemp("signed") / "data"
    with type(local_cloud)(data, bucket=local_cloud.bucket, security_token=TOKEN) as started:
        yield started


@pytest.fixture
def send(cloud: Any, http: requests.Session) -> Callable[..., requests.Response]:
    """Send a request that `sign` signs: `send(v1_header, "GET", "key", at=…, …)`."""

    def send(
        sign: Sign,
        method: str,
        key: str = "",
        *,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        data: bytes = b"",
        at: float | None = None,
        change: Callable[[dict[str, str], dict[str, str]], None] = lambda headers, query: None,
        virtual_host: bool = False,
        slash: str = "",
        **more: Any,
    ) -> requests.Response:
        moment = time.time() if at is None else at
        signed, parameters = sign(method, f"/audio/{key}", headers or {}, query or {}, moment, **more)
        change(signed, parameters)
        request = requests.Request(method, cloud.oss, headers=signed, data=data).prepare()
        if virtual_host:
            request.headers["Host"] = "audio.localhost"
        target = "/" + ("" if virtual_host else "audio/") + quote(key, slash)
        request.url = cloud.oss + target + (f"?{joined(parameters)}" if parameters else "")
        return http.send(request, timeout=30)

    return send


def error(response: requests.Response) -> dict[str, str]:
    return {child.tag: child.text or "" for child in ElementTree.fromstring(response.content)}


@pytest.mark.parametrize("sign", ALL)
@pytest.mark.parametrize("key", ODD_KEYS, ids=range(len(ODD_KEYS)))
def test_a_key_of_any_characters_goes_in_and_out(send: Callable[..., requests.Response], sign: Sign, key: str):
    content = f"{sign.__name__} {key}".encode()
    assert send(sign, "PUT", key, data=content, headers={"Content-Type": "audio/wav"}).status_code == 200
    for spelling in ({}, {"virtual_host": True}, {"slash": "/"}, {"slash": "/~!'()*,@:$"}):
        response = send(sign, "GET", key, **spelling)
        assert (response.status_code, response.content) == (200, content), response.text
    listed = send(sign, "GET", query={"prefix": key, "encoding-type": "url", "max-keys": "1"})
    assert f"<Key>{quote(key, '')}</Key>" in listed.text
    assert send(sign, "DELETE", key).status_code == 204


@pytest.mark.parametrize("sign", ALL)
def test_a_token_is_signed_along(send: Callable[..., requests.Response], sign: Sign):
    def token(value: str) -> dict[str, dict[str, str]]:
        if sign in IN_HEADERS:
            return {"headers": {"x-oss-security-token": value}}
        return {"query": {"security-token" if sign is v1_query else "x-oss-security-token": value}}

    assert send(sign, "PUT", "tokens", data=b"x", **token(TOKEN)).status_code == 200
    refused = send(sign, "GET", "tokens", **token("another"))
    assert (refused.status_code, error(refused)["Code"]) == (403, "InvalidSecurityToken")


@pytest.mark.parametrize("sign", [v2_header, v2_query, v4_header, v4_query])
def test_additional_headers_are_covered(send: Callable[..., requests.Response], sign: Sign):
    send(sign, "PUT", "additional", data=b"0123456789")

    def other_range(headers: dict[str, str], query: dict[str, str]) -> None:
        headers["range"] = "bytes=0-9"

    options = {"headers": {"range": "bytes=1-3"}, "also": "range"}
    assert send(sign, "GET", "additional", **options).content == b"123"
    refused = send(sign, "GET", "additional", **options, change=other_range)
    assert (refused.status_code, error(refused)["Code"]) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("sign", IN_HEADERS)
@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_too_far_off_is_refused(send: Callable[..., requests.Response], sign: Sign, minutes: int):
    sent_at = time.time() + 60 * minutes
    response = send(sign, "GET", "x", at=sent_at)
    found = error(response)
    assert (response.status_code, found["Code"], found["EC"]) == (403, "RequestTimeTooSkewed", "0002-00000504")
    assert found["MaxAllowedSkewMilliseconds"] == "900000"
    assert found["RequestTime"] == time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(sent_at))
    server_time = timegm(time.strptime(found["ServerTime"], "%Y-%m-%dT%H:%M:%S.000Z"))
    assert sent_at - 60 * minutes - 2 <= server_time <= time.time() + 2
    assert send(sign, "GET", "x", at=time.time() + 50 * minutes).status_code == 404


@pytest.mark.parametrize("sign", IN_QUERIES)
def test_an_address_is_good_until_it_expires(send: Callable[..., requests.Response], sign: Sign):
    assert send(sign, "GET", "x", at=time.time() - 3600, lasts=7200).status_code == 404
    refused = send(sign, "GET", "x", at=time.time() - 3600, lasts=3590)
    assert (refused.status_code, error(refused)["Code"]) == (403, "AccessDenied")
    assert error(refused)["Message"] == "Request has expired."


@pytest.mark.parametrize("sign", IN_QUERIES)
def test_overrides_of_an_address_are_signed(send: Callable[..., requests.Response], sign: Sign):
    send(sign, "PUT", "overrides", data=b"x")

    def unsigned_override(headers: dict[str, str], query: dict[str, str]) -> None:
        query["response-content-type"] = "text/html"

    assert send(sign, "GET", "overrides", change=unsigned_override).status_code == 403


@pytest.mark.parametrize("sign", [v4_header, v4_query])
def test_the_region_is_checked(send: Callable[..., requests.Response], sign: Sign):
    response = send(sign, "GET", "x", region="cn-hangzhou")
    found = error(response)
    assert (response.status_code, found["Code"], found["EC"]) == (400, "InvalidArgument", "0002-00000226")


@pytest.mark.parametrize("sign", ALL)
def test_what_was_changed_on_the_way_is_refused(send: Callable[..., requests.Response], sign: Sign):
    def added(headers: dict[str, str], query: dict[str, str]) -> None:
        headers["x-oss-meta-added"] = "1"

    response = send(sign, "PUT", "changed", data=b"x", change=added)
    found = error(response)
    assert (response.status_code, found["Code"], found["EC"]) == (403, "SignatureDoesNotMatch", "0002-00000040")
    assert found["SignatureProvided"]
    assert found["OSSAccessKeyId"] == "testAK"
    assert "testSK" not in response.text
    assert send(sign, "HEAD", "changed").status_code == 404
