"""PutSymlink, GetSymlink, and what follows a link."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
import requests

Signed = Callable[..., requests.Response]


def error(response: requests.Response) -> tuple[int, str | None]:
    return response.status_code, ElementTree.fromstring(response.content).findtext("Code")


@pytest.fixture
def link(signed: Signed) -> Callable[..., requests.Response]:
    """Make a link."""

    def put(key: str, target: str, **headers: str) -> requests.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given["x-oss-symlink-target"] = quote(target, safe="")
        return signed("PUT", key, params={"symlink": ""}, headers=given)

    return put


def test_reading_goes_through_a_link(signed: Signed, link: Any, fresh: str):
    written = signed("PUT", fresh + "a 中", data=b"content", headers={"content-type": "audio/flac"})
    assert link(fresh + "link", fresh + "a 中", x_oss_meta_b="2", content_type="text/plain").status_code == 200
    for method in ("GET", "HEAD"):
        answer = signed(method, fresh + "link")
        assert answer.status_code == 200
        assert answer.headers["etag"] == written.headers["etag"]
        assert answer.headers["content-md5"] == written.headers["content-md5"]
        assert answer.headers["content-length"] == "7"
        assert answer.headers["x-oss-object-type"] == "Symlink"
        assert (answer.headers["content-type"], answer.headers["x-oss-meta-b"]) == ("text/plain", "2")
    assert signed("GET", fresh + "link", headers={"range": "bytes=1-3"}).content == b"ont"
    shown = signed("GET", fresh + "link", params={"symlink": ""})
    assert shown.headers["x-oss-symlink-target"] == quote(fresh + "a 中", safe="")
    meta = signed("HEAD", fresh + "link", params={"objectMeta": ""})
    assert meta.headers["content-length"] == "0"
    assert meta.headers["etag"] == shown.headers["etag"] != written.headers["etag"]
    assert "<Type>Symlink</Type>" in signed("GET", params={"prefix": fresh + "link"}).text


def test_a_link_may_lead_nowhere(signed: Signed, link: Any, fresh: str):
    assert link(fresh + "link", fresh + "missing").status_code == 200
    answer = signed("GET", fresh + "link")
    assert error(answer) == (404, "SymlinkTargetNotExist")
    assert answer.headers["x-oss-ec"] == "0026-00000012"
    head = signed("HEAD", fresh + "link")
    assert head.status_code == 404
    assert b"<Code>SymlinkTargetNotExist</Code>" in base64.b64decode(head.headers["x-oss-err"])
    signed("PUT", fresh + "missing", data=b"now there")
    assert signed("GET", fresh + "link").content == b"now there"
    signed("DELETE", fresh + "missing")
    assert signed("GET", fresh + "link", params={"symlink": ""}).status_code == 200


def test_a_link_to_a_link_is_not_followed(signed: Signed, link: Any, fresh: str):
    link(fresh + "one", fresh + "two")
    link(fresh + "two", fresh + "one")
    assert error(signed("GET", fresh + "one")) == (400, "InvalidTargetType")


def test_links_are_made_strictly(signed: Signed, link: Any, fresh: str):
    answer = signed("PUT", fresh + "link", params={"symlink": ""})
    assert error(answer) == (400, "MissingArgument")
    assert answer.headers["x-oss-ec"] == "0043-00000001"
    assert error(link(fresh + "link", "/slash")) == (400, "InvalidObjectName")
    assert error(link(fresh + "link", "x" * 1024)) == (400, "InvalidObjectName")
    link(fresh + "link", "x")
    assert error(link(fresh + "link", "y", x_oss_forbid_overwrite="true")) == (409, "FileAlreadyExists")


def test_what_is_no_link_has_no_target(signed: Signed, fresh: str):
    signed("PUT", fresh + "x", data=b"x")
    answer = signed("GET", fresh + "x", params={"symlink": ""})
    assert error(answer) == (400, "NotSymlink")
    assert answer.headers["x-oss-ec"] == "0043-00000101"
    assert error(signed("GET", fresh + "missing", params={"symlink": ""})) == (404, "NoSuchKey")


def test_copies_deletions_and_tags_are_about_the_link(signed: Signed, link: Any, local_cloud: Any, fresh: str):
    signed("PUT", fresh + "target", data=b"content")
    link(fresh + "link", fresh + "target", x_oss_tagging="k=v")
    signed("PUT", fresh + "copy", headers={"x-oss-copy-source": f"/{local_cloud.bucket}/{fresh}link"})
    signed("DELETE", fresh + "link")
    assert signed("GET", fresh + "target").content == signed("GET", fresh + "copy").content == b"content"
    assert signed("HEAD", fresh + "copy").headers["x-oss-object-type"] == "Symlink"
    assert "<Key>k</Key>" in signed("GET", fresh + "copy", params={"tagging": ""}).text
