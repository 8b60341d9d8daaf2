"""The object API byte by byte: what no SDK shows or sends."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import oss2
import pytest
import requests

Signed = Callable[..., requests.Response]


def content_md5(body: bytes) -> dict[str, str]:
    return {"content-md5": base64.b64encode(hashlib.md5(body).digest()).decode()}


def error(response: requests.Response) -> dict[str, str]:
    """The elements of an error document."""
    document = ElementTree.fromstring(response.content)
    assert document.tag == "Error"
    return {child.tag: child.text or "" for child in document}


def test_an_error_has_the_shape_of_oss(http: requests.Session, local_cloud: Any):
    response = http.get(f"{local_cloud.oss}/{local_cloud.bucket}/x")
    assert response.status_code == 403
    assert response.headers["content-type"] == "application/xml"
    assert response.headers["server"] == "AliyunOSS"
    assert re.fullmatch("[0-9A-F]{24}", response.headers["x-oss-request-id"])
    assert response.headers["x-oss-ec"] == "0003-00000001"
    assert response.text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>')
    found = error(response)
    assert found["RequestId"] == response.headers["x-oss-request-id"]
    assert found["HostId"] == urlsplit(local_cloud.oss).netloc
    assert found["RecommendDoc"].endswith("?q=" + found["EC"])


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "HEAD"])
@pytest.mark.parametrize("path", ["/", "/{bucket}", "/{bucket}/", "/{bucket}/key", "/{bucket}/key?tagging"])
def test_nothing_is_served_anonymously(http: requests.Session, local_cloud: Any, method: str, path: str):
    response = http.request(method, local_cloud.oss + path.format(bucket=local_cloud.bucket))
    assert response.status_code in (403, 405)


def test_head_errors_are_in_a_header(http: requests.Session, local_cloud: Any):
    response = http.head(f"{local_cloud.oss}/{local_cloud.bucket}/x")
    assert (response.status_code, response.content) == (403, b"")
    assert b"<Code>AccessDenied</Code>" in base64.b64decode(response.headers["x-oss-err"])


def test_an_answer_carries_the_headers_of_oss(signed: Signed, fresh: str):
    put = signed("PUT", fresh + "x", data=b"123456789", headers={"Content-Type": "audio/mpeg"})
    assert put.headers["etag"] == '"25F9E794323B453885F5181F1B624D0B"'
    assert put.headers["x-oss-hash-crc64ecma"] == "11051210869376104954"
    get = signed("GET", fresh + "x")
    assert get.headers["content-length"] == "9"
    assert get.headers["accept-ranges"] == "bytes"
    assert get.headers["content-md5"] == base64.b64encode(bytes.fromhex("25F9E794323B453885F5181F1B624D0B")).decode()
    assert get.headers["x-oss-object-type"] == "Normal"
    assert get.headers["x-oss-storage-class"] == "Standard"
    modified = parsedate_to_datetime(get.headers["last-modified"])
    assert modified <= parsedate_to_datetime(put.headers["date"])


@pytest.mark.parametrize("host", ["{bucket}.localhost", "{bucket}.oss.example.com:9000", "{bucket}.LOCALHOST:80"])
def test_virtual_host_style(signed: Signed, local_cloud: Any, fresh: str, host: str):
    name = host.format(bucket=local_cloud.bucket)
    assert signed("PUT", fresh + "x", data=b"content", host=name, path=f"/{fresh}x").status_code == 200
    assert signed("GET", fresh + "x").content == b"content"
    assert signed("GET", fresh + "x", host=name, path=f"/{fresh}x").content == b"content"
    listed = signed("GET", params={"prefix": fresh}, host=name, path="/")
    assert f"<Key>{fresh}x</Key>" in listed.text


@pytest.mark.parametrize("host", ["localhost:1", "local-cloud", "127.0.0.1", "[::1]:9000"])
def test_path_style_whatever_the_server_is_called(signed: Signed, fresh: str, host: str):
    assert signed("PUT", fresh + "x", data=b"content", host=host).status_code == 200


@pytest.mark.parametrize(
    ("header", "behaviour", "status", "content", "content_range"),
    [
        ("bytes=0-4", None, 206, b"01234", "bytes 0-4/10"),
        ("bytes=5-", None, 206, b"56789", "bytes 5-9/10"),
        ("bytes=-3", None, 206, b"789", "bytes 7-9/10"),
        ("bytes=0-9", None, 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=5-20", None, 200, b"0123456789", None),
        ("bytes=10-20", None, 200, b"0123456789", None),
        ("bytes=-20", None, 200, b"0123456789", None),
        ("bytes=5-20", "standard", 206, b"56789", "bytes 5-9/10"),
        ("bytes=-20", "standard", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=10-20", "standard", 416, None, None),
        ("bytes=4-2", "standard", 200, b"0123456789", None),
        ("bytes=0-1,3-4", "standard", 200, b"0123456789", None),
        ("items=0-1", "standard", 200, b"0123456789", None),
        ("bytes=-", None, 200, b"0123456789", None),
    ],
)
def test_ranges(
    signed: Signed,
    fresh: str,
    header: str,
    behaviour: str | None,
    status: int,
    content: bytes | None,
    content_range: str | None,
):
    key = re.sub(r"[^a-z0-9]", "", fresh) + "/x"
    signed("PUT", key, data=b"0123456789")
    headers = {"range": header} | ({"x-oss-range-behavior": behaviour} if behaviour else {})
    response = signed("GET", key, headers=headers)
    assert response.status_code == status
    assert response.headers.get("content-range") == content_range
    if content is None:
        assert error(response)["Code"] == "InvalidRange"
    else:
        assert response.content == content
        assert response.headers["content-length"] == str(len(content))


def test_a_wrong_content_md5_stores_nothing(signed: Signed, fresh: str):
    another = base64.b64encode(b"0" * 16).decode()
    for value, ec in ((another, "0017-00000503"), ("no md5", "0017-00000502"), ("c2hvcnQ=", "0017-00000502")):
        response = signed("PUT", fresh + "x", data=b"content", headers={"Content-MD5": value})
        assert (response.status_code, error(response)["Code"], error(response)["EC"]) == (400, "InvalidDigest", ec)
    assert signed("HEAD", fresh + "x").status_code == 404


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/{bucket}/%FF", "InvalidObjectName"),
        ("/{bucket}//leading-slash", "InvalidObjectName"),
        ("/{bucket}/%5Cbackslash", "InvalidObjectName"),
        ("/{bucket}/" + "x" * 1024, "InvalidObjectName"),
        ("/UPPER/x", "InvalidBucketName"),
        ("/ab/x", "InvalidBucketName"),
        ("/%2Fetc/passwd", "InvalidBucketName"),
        ("/-bucket/x", "InvalidBucketName"),
    ],
)
def test_impossible_names_are_refused(http: requests.Session, local_cloud: Any, path: str, code: str):
    response = http.put(local_cloud.oss + path.format(bucket=local_cloud.bucket), data=b"x")
    assert (response.status_code, error(response)["Code"]) == (400, code)


@pytest.mark.parametrize("key", ["../../etc/passwd", "a/../../b", "..", "nul\x00byte", "line\nbreak", "~", "C:\\x"])
def test_odd_keys_are_only_names(signed: Signed, local_cloud: Any, fresh: str, key: str):
    response = signed("PUT", key, data=key.encode())
    assert response.status_code == 200
    assert signed("GET", key).content == key.encode()
    names = [path.name for path in local_cloud.data.rglob("*")]
    assert not any("etc" in name or "passwd" in name for name in names)
    listed = signed("GET", params={"encoding-type": "url", "prefix": key})
    assert f"<Key>{quote(key, '')}</Key>" in listed.text
    assert signed("DELETE", key).status_code == 204


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Delete>",
        b"<Other/>",
        b"<Delete></Delete>",
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&e;</Key></Object></Delete>',
        b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>",
        b"\xff\xfe\x00",
    ],
    ids=["empty", "open", "other", "none", "dtd", "too-many", "binary"],
)
def test_malformed_delete_documents(signed: Signed, body: bytes):
    response = signed("POST", params={"delete": ""}, headers=content_md5(body), data=body)
    assert (response.status_code, error(response)["Code"]) == (400, "MalformedXML")


def test_deleting_many_needs_a_content_md5(signed: Signed, fresh: str):
    signed("PUT", fresh + "x", data=b"x")
    body = f"<Delete><Object><Key>{fresh}x</Key></Object></Delete>".encode()
    response = signed("POST", params={"delete": ""}, data=body)
    assert (response.status_code, error(response)["Code"]) == (400, "MissingArgument")
    assert error(response)["EC"] == "0016-00000606"
    assert signed("HEAD", fresh + "x").status_code == 200
    assert signed("POST", params={"delete": ""}, headers=content_md5(body), data=body).status_code == 200
    assert signed("HEAD", fresh + "x").status_code == 404


def test_a_thousand_keys_are_deleted_at_once(signed: Signed, fresh: str):
    signed("PUT", f"{fresh}999", data=b"x")
    objects = b"".join(f"<Object><Key>{fresh}{n}</Key></Object>".encode() for n in range(1000))
    body = b"<Delete>" + objects + b"</Delete>"
    response = signed("POST", params={"delete": ""}, headers=content_md5(body), data=body)
    assert response.text.count("<Deleted>") == 1000
    assert signed("HEAD", f"{fresh}999").status_code == 404


@pytest.mark.parametrize(
    "tagging", ["a=1&a=2", "=x", "k=" + "v" * 257, "k" * 129 + "=v", "bad%21=v", "&".join(f"k{n}=v" for n in range(11))]
)
def test_impossible_tags_are_refused(signed: Signed, tagging: str):
    response = signed("PUT", "tagged", data=b"x", headers={"x-oss-tagging": tagging})
    assert (response.status_code, error(response)["Code"]) == (400, "InvalidTag")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("max-keys", "-1"),
        ("max-keys", "0"),
        ("max-keys", "1001"),
        ("max-keys", "many"),
        ("encoding-type", "base64"),
        ("list-type", "3"),
        ("fetch-owner", "yes"),
        ("continuation-token", "%"),
        ("prefix", "x" * 1025),
    ],
)
def test_impossible_listing_parameters_are_refused(signed: Signed, parameter: str, value: str):
    response = signed("GET", params={"list-type": "2"} | {parameter: value})
    assert (response.status_code, error(response)["Code"]) == (400, "InvalidArgument")
    assert error(response)["ArgumentName"] == parameter


def test_keys_that_xml_can_not_carry_still_list_as_xml(signed: Signed, fresh: str):
    signed("PUT", fresh + "\x01<&>", data=b"x")
    document = ElementTree.fromstring(signed("GET", params={"prefix": fresh}).content)
    assert document.findtext("Contents/Key") == fresh + "\ufffd<&>"


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"])
def test_a_put_has_no_conditions(signed: Signed, fresh: str, name: str):
    signed("PUT", fresh + "x", data=b"first")
    response = signed("PUT", fresh + "x", data=b"second", headers={name: "*"})
    assert (response.status_code, error(response)["Code"]) == (400, "NotImplemented")
    assert (error(response)["Header"], error(response)["EC"]) == (name, "0017-00000245")
    assert signed("GET", fresh + "x").content == b"first"


def test_forbidding_overwrites_is_true_or_false(signed: Signed, fresh: str):
    response = signed("PUT", fresh + "x", data=b"x", headers={"x-oss-forbid-overwrite": "abc"})
    assert (response.status_code, error(response)["Code"]) == (400, "InvalidArgument")
    assert error(response)["EC"] == "0017-00000279"
    assert signed("HEAD", fresh + "x").status_code == 404


@pytest.mark.parametrize(
    ("acl", "status"), [("private", 200), (None, 200), ("public-read", 501), ("not-support-acl", 400)]
)
def test_a_buckets_acl(signed: Signed, acl: str | None, status: int):
    response = signed("PUT", params={"acl": ""}, headers={} if acl is None else {"x-oss-acl": acl})
    assert response.status_code == status
    if status == 400:
        assert (error(response)["Code"], error(response)["EC"]) == ("InvalidArgument", "0015-00000204")


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"x-oss-server-side-encryption": "AES256"}, "server-side encryption"),
        ({"x-oss-callback": "e30="}, "upload callbacks"),
        ({"x-oss-object-acl": "public-read"}, "object ACLs other than private"),
        ({"x-oss-traffic-limit": "819200"}, "traffic limits"),
    ],
)
def test_what_a_put_can_not_do_is_refused_by_name(signed: Signed, headers: dict[str, str], named: str):
    response = signed("PUT", "x", data=b"x", headers=headers)
    assert (response.status_code, error(response)["Code"]) == (501, "NotImplemented")
    assert named in error(response)["Message"]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("nothing", "InvalidArgument"),
        ("/UPPER/x", "InvalidBucketName"),
        ("/", "InvalidArgument"),
        ("/audio/", "InvalidArgument"),
        ("/audio/missing", "NoSuchKey"),
        ("/missing-bucket/x", "NoSuchBucket"),
        ("/audio/x?versionId=1", "NotImplemented"),
    ],
)
def test_impossible_copies_are_refused(signed: Signed, source: str, code: str):
    response = signed("PUT", "copy", headers={"x-oss-copy-source": source})
    assert error(response)["Code"] == code


def test_methods_that_do_not_exist(signed: Signed):
    for method, key in (("PATCH", "x"), ("POST", "x"), ("PATCH", "")):
        response = signed(method, key)
        assert (response.status_code, error(response)["Code"]) == (405, "MethodNotAllowed")


@pytest.mark.parametrize("body", [b"", b"process=audio/convert", b"x-oss-process=audio/convert"])
def test_async_process_needs_its_parameter(signed: Signed, body: bytes):
    response = signed("POST", "x", params={"x-oss-async-process": ""}, data=body)
    assert response.status_code == 400
    assert error(response)["Code"] == "InvalidRequest"
    assert error(response)["Message"] == "no x-oss-async-process parameter found"


def test_an_async_process_body_must_be_utf_8(signed: Signed):
    response = signed("POST", "x", params={"x-oss-async-process": ""}, data=b"x-oss-async-process=\xff")
    assert (response.status_code, error(response)["Code"]) == (400, "InvalidRequest")


def test_an_upload_that_breaks_off_leaves_nothing(
    oss2_bucket: oss2.Bucket, signed: Signed, local_cloud: Any, fresh: str
):
    before = set((local_cloud.data / "blobs").rglob("*"))
    target = urlsplit(oss2_bucket.sign_url("PUT", fresh + "broken", 60))
    head = (
        f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: {target.netloc}\r\n"
        f"Content-Length: {4 << 20}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"x" * (3 << 20))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert signed("HEAD", fresh + "broken").status_code == 404
    assert set((local_cloud.data / "blobs").rglob("*")) == before


def test_a_too_large_put_is_refused_at_once(oss2_bucket: oss2.Bucket, local_cloud: Any, fresh: str):
    target = urlsplit(oss2_bucket.sign_url("PUT", fresh + "huge", 60))
    head = (
        f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: {target.netloc}\r\n"
        f"Content-Length: {(5 << 30) + 1}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
        connection.sendall(head.encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"EntityTooLarge" in answer
