"""AppendObject as plain signed HTTP sees it."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import crcmod
import oss2
import pytest
import requests

Signed = Callable[..., requests.Response]
crc64 = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF, rev=True)


def error(response: requests.Response) -> tuple[int, str | None]:
    return response.status_code, ElementTree.fromstring(response.content).findtext("Code")


@pytest.fixture
def append(signed: Signed) -> Callable[..., requests.Response]:
    """Append to a key."""

    def send(key: str, position: object, content: bytes, **headers: str) -> requests.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return signed("POST", key, params={"append": "", "position": str(position)}, headers=given, data=content)

    return send


def test_an_object_grows(signed: Signed, append: Any, fresh: str):
    key, whole = fresh + "log", b""
    etags = set()
    for content in (b"first,", b"", os.urandom(200_000), b",last"):
        answer = append(key, len(whole), content, content_type="audio/aac", x_oss_meta_a="1")
        whole += content
        assert answer.status_code == 200
        assert answer.headers["x-oss-next-append-position"] == str(len(whole))
        assert answer.headers["x-oss-hash-crc64ecma"] == str(crc64(whole))
        etags.add(answer.headers["etag"])
    assert len(etags) == 3
    assert f'"{hashlib.md5(whole).hexdigest().upper()}"' not in etags
    read = signed("GET", key)
    assert read.content == whole
    assert read.headers["x-oss-object-type"] == "Appendable"
    assert read.headers["x-oss-next-append-position"] == str(len(whole))
    assert (read.headers["content-type"], read.headers["x-oss-meta-a"]) == ("audio/aac", "1")
    assert "content-md5" not in read.headers
    assert signed("GET", key, headers={"range": "bytes=3-8"}).content == whole[3:9]
    assert "<Type>Appendable</Type>" in signed("GET", params={"prefix": key}).text


@pytest.mark.parametrize(("there", "position", "next_position"), [(b"", 3, "0"), (b"abc", 2, "3"), (b"abc", 4, "3")])
def test_another_position_is_refused_with_the_right_one(
    append: Any, fresh: str, there: bytes, position: int, next_position: str
):
    if there:
        append(fresh + "x", 0, there)
    answer = append(fresh + "x", position, b"y")
    assert error(answer) == (409, "PositionNotEqualToLength")
    assert answer.headers["x-oss-next-append-position"] == next_position
    assert answer.headers["x-oss-ec"] == "0026-00000016"


def test_only_appendable_objects_grow(signed: Signed, append: Any, fresh: str):
    signed("PUT", fresh + "x", data=b"abc")
    answer = append(fresh + "x", 3, b"d")
    assert error(answer) == (409, "ObjectNotAppendable")
    assert answer.headers["x-oss-ec"] == "0026-00000017"
    append(fresh + "y", 0, b"abc")
    signed("PUT", fresh + "y", data=b"put")
    assert error(append(fresh + "y", 3, b"d")) == (409, "ObjectNotAppendable")
    signed("DELETE", fresh + "y")
    assert append(fresh + "y", 0, b"new").status_code == 200


def test_a_position_is_needed(signed: Signed, fresh: str):
    answer = signed("POST", fresh + "x", params={"append": ""}, data=b"x")
    assert error(answer) == (400, "MissingArgument")
    assert answer.headers["x-oss-ec"] == "0016-00000501"
    answer = signed("POST", fresh + "x", params={"append": "", "position": "-1"}, data=b"x")
    assert error(answer) == (400, "InvalidArgument")


def test_damaged_content_is_not_appended(signed: Signed, append: Any, fresh: str):
    append(fresh + "x", 0, b"abc")
    assert error(append(fresh + "x", 3, b"d", content_md5="1B2M2Y8AsgTpgAmY7PhCfg==")) == (400, "InvalidDigest")
    assert error(append(fresh + "x", 3, b"d", x_oss_hash_crc64ecma="0")) == (400, "InvalidArgument")
    assert signed("GET", fresh + "x").content == b"abc"
    assert append(fresh + "x", 3, b"d", x_oss_hash_crc64ecma=str(crc64(b"d"))).status_code == 200


def test_an_append_that_breaks_off_adds_nothing(oss2_bucket: oss2.Bucket, signed: Signed, append: Any, fresh: str):
    append(fresh + "x", 0, b"abc")
    address = oss2_bucket.sign_url("POST", fresh + "x", 60, params={"append": "", "position": "3"})
    target = urlsplit(address)
    head = f"POST {target.path}?{target.query} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Length: 10\r\n\r\n"
    with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"defgh")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert signed("GET", fresh + "x").content == b"abc"
    assert append(fresh + "x", 3, b"d").status_code == 200


def test_of_appends_to_one_position_one_wins(oss2_bucket_for: Any, local_cloud: Any, fresh: str):
    def grow(number: int) -> int:
        bucket = oss2_bucket_for(local_cloud)
        added, position = 0, 0
        while added < 5:
            try:
                position = bucket.append_object(fresh + "x", position, bytes([number]) * 1000).next_position
                added += 1
            except oss2.exceptions.PositionNotEqualToLength as refused:
                position = refused.next_position
        return position

    with ThreadPoolExecutor(4) as threads:
        assert max(threads.map(grow, range(4))) == 20_000
    content = oss2_bucket_for(local_cloud).get_object(fresh + "x").read()
    blocks = [content[at : at + 1000] for at in range(0, len(content), 1000)]
    assert sorted(blocks) == sorted(bytes([number]) * 1000 for number in range(4) for _ in range(5))


def test_the_copy_of_an_appendable_object_stands_still(signed: Signed, append: Any, local_cloud: Any, fresh: str):
    append(fresh + "x", 0, b"abc")
    copied = signed("PUT", fresh + "copy", headers={"x-oss-copy-source": f"/{local_cloud.bucket}/{fresh}x"})
    assert copied.status_code == 200
    append(fresh + "x", 3, b"def")
    read = signed("GET", fresh + "copy")
    assert (read.content, read.headers["x-oss-object-type"]) == (b"abc", "Normal")
    assert read.headers["etag"] == f'"{hashlib.md5(b"abc").hexdigest().upper()}"'
    assert error(append(fresh + "copy", 3, b"d")) == (409, "ObjectNotAppendable")
