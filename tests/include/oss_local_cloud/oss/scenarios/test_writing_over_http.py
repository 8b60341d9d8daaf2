"""What a PUT carries besides its content, archived objects and object ACLs, as plain signed HTTP sees them."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import crcmod
import oss2
import pytest
import requests

Signed = Callable[..., requests.Response]
PATIENCE_SECONDS = 30
crc64 = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF, rev=True)


def error(response: requests.Response) -> tuple[int, str | None]:
    return response.status_code, ElementTree.fromstring(response.content).findtext("Code")


def raw(address: str, lines: str, body: bytes) -> bytes:
    """Send one request as it is written here, and read the whole answer."""
    target = urlsplit(address)
    head = f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: {target.netloc}\r\nConnection: close\r\n{lines}\r\n"
    with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
def test_checksums_are_checked_and_returned(signed: Signed, fresh: str, size: int):
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    given = {"x-oss-hash-crc64ecma": str(crc64(content))}
    answer = signed("PUT", fresh + "x", data=content, headers=given)
    assert answer.status_code == 200
    assert answer.headers["x-oss-hash-crc64ecma"] == str(crc64(content))
    assert answer.headers["etag"] == f'"{hashlib.md5(content).hexdigest().upper()}"'
    wrong = {"x-oss-hash-crc64ecma": str(crc64(content) ^ 1)}
    assert error(signed("PUT", fresh + "y", data=content, headers=wrong)) == (400, "InvalidArgument")
    md5 = {"content-md5": "rL0Y20zC+Fzt72VPzMSk2A=="}
    assert error(signed("PUT", fresh + "y", data=content, headers=md5)) == (400, "InvalidDigest")
    assert signed("HEAD", fresh + "y").status_code == 404


@pytest.mark.parametrize("value", ["-1", "18446744073709551616", "9" * 30, "abc"])
def test_impossible_checksums(signed: Signed, value: str):
    answer = signed("PUT", "x", data=b"x", headers={"x-oss-hash-crc64ecma": value})
    assert error(answer) == (400, "InvalidArgument")


def test_a_length_is_needed(oss2_bucket: oss2.Bucket, fresh: str):
    answer = raw(oss2_bucket.sign_url("PUT", fresh + "x", 60), "", b"")
    assert answer.startswith(b"HTTP/1.1 411 ")
    assert b"<Code>MissingContentLength</Code>" in answer


def test_chunks_need_no_length(oss2_bucket: oss2.Bucket, signed: Signed, fresh: str):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (b"one,", b"two,", b"x" * 100_000))
    answer = raw(oss2_bucket.sign_url("PUT", fresh + "x", 60), "Transfer-Encoding: chunked\r\n", chunks + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert signed("GET", fresh + "x").content == b"one,two," + b"x" * 100_000


def test_chunks_that_break_off_store_nothing(oss2_bucket: oss2.Bucket, signed: Signed, fresh: str):
    target = urlsplit(oss2_bucket.sign_url("PUT", fresh + "x", 60))
    head = f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: {target.netloc}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"4\r\nabcd\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert signed("HEAD", fresh + "x").status_code == 404


def test_metadata_has_a_limit(signed: Signed, fresh: str):
    assert signed("PUT", fresh + "x", data=b"x", headers={"x-oss-meta-a": "v" * 8191}).status_code == 200
    answer = signed("PUT", fresh + "x", data=b"x", headers={"x-oss-meta-a": "v" * 8192})
    assert error(answer) == (400, "MetadataTooLarge")


@pytest.mark.parametrize("name", ["Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive"])
def test_storage_classes_are_kept(signed: Signed, fresh: str, name: str):
    assert signed("PUT", fresh + name, data=b"x", headers={"x-oss-storage-class": name}).status_code == 200
    assert signed("HEAD", fresh + name).headers["x-oss-storage-class"] == name
    assert f"<StorageClass>{name}</StorageClass>" in signed("GET", params={"prefix": fresh + name}).text


def test_an_unknown_storage_class_is_refused(signed: Signed):
    answer = signed("PUT", "x", data=b"x", headers={"x-oss-storage-class": "standard"})
    assert error(answer) == (400, "InvalidArgument")


def test_an_archived_object_is_read_after_it_was_restored(signed: Signed, local_cloud: Any, fresh: str):
    key = fresh + "x"
    signed("PUT", key, data=b"content", headers={"x-oss-storage-class": "Archive"})
    source = {"x-oss-copy-source": f"/{local_cloud.bucket}/{key}"}
    for refused in (signed("GET", key), signed("PUT", fresh + "y", headers=source)):
        assert error(refused) == (403, "InvalidObjectState")
    process = b"x-oss-async-process=audio/convert,f_mp3|sys/saveas,o_Yi5tcDM"
    assert error(signed("POST", key, params={"x-oss-async-process": ""}, data=process)) == (403, "InvalidObjectState")
    assert "x-oss-restore" not in signed("HEAD", key).headers

    wanted = b"<RestoreRequest><Days>2</Days></RestoreRequest>"
    assert signed("POST", key, params={"restore": ""}, data=wanted).status_code == 202
    assert signed("HEAD", key).headers["x-oss-restore"] == 'ongoing-request="true"'
    assert error(signed("POST", key, params={"restore": ""})) == (409, "RestoreAlreadyInProgress")
    assert error(signed("GET", key)) == (403, "InvalidObjectState")

    deadline = time.monotonic() + PATIENCE_SECONDS
    while (state := signed("HEAD", key).headers["x-oss-restore"]) == 'ongoing-request="true"':
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert state.startswith('ongoing-request="false", expiry-date="')
    assert signed("GET", key).content == b"content"
    assert signed("POST", key, params={"restore": ""}, data=wanted.replace(b"2", b"7")).status_code == 200
    assert signed("HEAD", key).headers["x-oss-restore"] != state
    assert signed("PUT", fresh + "y", headers=source | {"x-oss-storage-class": "Standard"}).status_code == 200
    assert signed("HEAD", fresh + "y").headers["x-oss-storage-class"] == "Standard"


@pytest.mark.parametrize(
    ("storage_class", "body", "expected"),
    [
        ("Standard", b"", (400, "OperationNotSupported")),
        ("IA", b"", (400, "OperationNotSupported")),
        ("Archive", b"<RestoreRequest><Days>8</Days></RestoreRequest>", (400, "MalformedXML")),
        ("Archive", b"<RestoreRequest><Days>0</Days></RestoreRequest>", (400, "MalformedXML")),
        ("ColdArchive", b"<RestoreRequest><Days>366</Days></RestoreRequest>", (400, "MalformedXML")),
        ("Archive", b"<RestoreRequest><Days>two</Days></RestoreRequest>", (400, "MalformedXML")),
        ("Archive", b"<Restore/>", (400, "MalformedXML")),
        (
            "ColdArchive",
            b"<RestoreRequest><Days>1</Days><JobParameters><Tier>Now</Tier></JobParameters></RestoreRequest>",
            (400, "MalformedXML"),
        ),
    ],
)
def test_impossible_restores(signed: Signed, fresh: str, storage_class: str, body: bytes, expected: tuple[int, str]):
    signed("PUT", fresh + "x", data=b"x", headers={"x-oss-storage-class": storage_class})
    assert error(signed("POST", fresh + "x", params={"restore": ""}, data=body)) == expected


def test_a_cold_object_says_how_soon_it_is_restored(signed: Signed, fresh: str):
    signed("PUT", fresh + "x", data=b"x", headers={"x-oss-storage-class": "ColdArchive"})
    body = b"<RestoreRequest><Days>1</Days><JobParameters><Tier>Bulk</Tier></JobParameters></RestoreRequest>"
    answer = signed("POST", fresh + "x", params={"restore": ""}, data=body)
    assert (answer.status_code, answer.headers["x-oss-object-restore-priority"]) == (202, "Bulk")
    assert error(signed("POST", fresh + "missing", params={"restore": ""})) == (404, "NoSuchKey")


def test_object_acls(signed: Signed, fresh: str):
    def grant() -> str | None:
        answer = signed("GET", fresh + "x", params={"acl": ""})
        return ElementTree.fromstring(answer.content).findtext("AccessControlList/Grant")

    signed("PUT", fresh + "x", data=b"x")
    assert grant() == "default"
    assert signed("PUT", fresh + "x", params={"acl": ""}, headers={"x-oss-object-acl": "private"}).status_code == 200
    assert grant() == "private"
    signed("PUT", fresh + "x", data=b"x", headers={"x-oss-object-acl": "private"})
    assert grant() == "private"
    for acl, expected in (
        ("public-read", (501, "NotImplemented")),
        ("public-read-write", (501, "NotImplemented")),
        ("public", (400, "InvalidArgument")),
    ):
        assert error(signed("PUT", fresh + "x", params={"acl": ""}, headers={"x-oss-object-acl": acl})) == expected
    assert error(signed("PUT", fresh + "x", params={"acl": ""})) == (400, "InvalidArgument")
    assert error(signed("GET", fresh + "missing", params={"acl": ""})) == (404, "NoSuchKey")
