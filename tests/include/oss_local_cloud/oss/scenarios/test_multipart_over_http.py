"""Multipart uploads as plain signed HTTP sees them: documents, order, sizes, pages, refusals."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import crcmod
import pytest
import requests

Signed = Callable[..., requests.Response]
PART = 100 * 1024
crc64 = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF, rev=True)


def error(response: requests.Response) -> tuple[int, str | None]:
    return response.status_code, ElementTree.fromstring(response.content).findtext("Code")


@pytest.fixture
def begin(signed: Signed) -> Callable[..., str]:
    """Begin an upload of a key; returns its id."""

    def initiate(key: str, **headers: str) -> str:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        response = signed("POST", key, params={"uploads": ""}, headers=given)
        document = ElementTree.fromstring(response.content)
        assert (response.status_code, document.tag) == (200, "InitiateMultipartUploadResult")
        assert document.findtext("Key") == key
        return document.findtext("UploadId") or ""

    return initiate


@pytest.fixture
def send(signed: Signed) -> Callable[..., requests.Response]:
    """Send a part."""

    def upload(key: str, upload_id: str, number: int, content: bytes, **headers: str) -> requests.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return signed(
            "PUT", key, params={"partNumber": str(number), "uploadId": upload_id}, headers=given, data=content
        )

    return upload


def complete(signed: Signed, key: str, upload_id: str, *parts: tuple[object, str], **headers: str) -> requests.Response:
    listed = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in parts)
    body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return signed("POST", key, params={"uploadId": upload_id}, headers=given, data=body.encode())


def etag_of(content: bytes) -> str:
    return hashlib.md5(content).hexdigest().upper()


def test_parts_become_an_object(signed: Signed, begin: Any, send: Any, fresh: str):
    key = fresh + "joined 中"
    contents = [os.urandom(PART), os.urandom(PART + 1), b"tail"]
    upload = begin(key, content_type="audio/flac", x_oss_meta_a="1", x_oss_tagging="k=v", x_oss_storage_class="IA")
    assert len(upload) == 32
    for number, content in zip((7, 2, 9), (contents[1], contents[0], contents[2]), strict=True):
        answer = send(key, upload, number, content)
        assert answer.status_code == 200
        assert answer.headers["etag"] == f'"{etag_of(content)}"'
        assert answer.headers["x-oss-hash-crc64ecma"] == str(crc64(content))
    parts = [(n, f'"{etag_of(c)}"') for n, c in zip((2, 7, 9), contents, strict=True)]
    answer = complete(signed, key, upload, *parts)
    assert answer.status_code == 200
    digests = b"".join(hashlib.md5(content).digest() for content in contents)
    etag = f'"{hashlib.md5(digests).hexdigest().upper()}-3"'
    assert answer.headers["etag"] == etag
    assert answer.headers["x-oss-hash-crc64ecma"] == str(crc64(b"".join(contents)))
    document = ElementTree.fromstring(answer.content)
    assert (document.tag, document.findtext("Key"), document.findtext("ETag")) == (
        "CompleteMultipartUploadResult",
        key,
        etag,
    )
    assert (document.findtext("Location") or "").endswith("%2Fjoined%20%E4%B8%AD")
    read = signed("GET", key)
    assert read.content == b"".join(contents)
    assert "content-md5" not in read.headers
    assert {name: read.headers[name] for name in ("content-type", "x-oss-meta-a", "x-oss-object-type")} == {
        "content-type": "audio/flac",
        "x-oss-meta-a": "1",
        "x-oss-object-type": "Multipart",
    }
    assert (read.headers["x-oss-storage-class"], read.headers["x-oss-tagging-count"]) == ("IA", "1")
    assert error(complete(signed, key, upload, *parts)) == (404, "NoSuchUpload")
    late = send(key, upload, 1, b"late")
    assert (error(late), late.headers["x-oss-ec"]) == ((404, "NoSuchUpload"), "0017-00000244")


def test_a_part_sent_again_replaces_the_first(signed: Signed, begin: Any, send: Any, fresh: str):
    key = fresh + "x"
    upload = begin(key)
    send(key, upload, 1, b"first")
    send(key, upload, 1, b"second")
    assert error(complete(signed, key, upload, (1, etag_of(b"first")))) == (400, "InvalidPart")
    assert complete(signed, key, upload, (1, etag_of(b"second").lower())).status_code == 200
    assert signed("GET", key).content == b"second"
    assert signed("HEAD", key).headers["etag"].endswith('-1"')


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (((1, "A"), (3, "C")), "InvalidPart"),
        (((1, "B"),), "InvalidPart"),
        (((2, "B"), (1, "A")), "InvalidPartOrder"),
        (((1, "A"), (1, "A")), "InvalidPartOrder"),
        (((1, "A"), (2, "B")), "EntityTooSmall"),
        (((0, "A"),), "MalformedXML"),
        (((10001, "A"),), "MalformedXML"),
        ((("one", "A"),), "MalformedXML"),
        (((1, ""),), "MalformedXML"),
        ((), "MalformedXML"),
    ],
)
def test_impossible_lists_of_parts_change_nothing(
    signed: Signed, begin: Any, send: Any, fresh: str, parts: tuple[tuple[Any, str], ...], code: str
):
    key = fresh + "x"
    upload = begin(key)
    etags = {"A": etag_of(b"a" * (PART - 1)), "B": etag_of(b"b"), "C": etag_of(b"c"), "": ""}
    send(key, upload, 1, b"a" * (PART - 1))
    send(key, upload, 2, b"b")
    answer = complete(signed, key, upload, *((number, etags[name]) for number, name in parts))
    assert error(answer) == (400, code)
    if code == "EntityTooSmall":
        document = ElementTree.fromstring(answer.content)
        found = {name: document.findtext(name) for name in ("MinSizeAllowed", "ProposedSize", "PartNumber", "EC")}
        assert found == {
            "MinSizeAllowed": "102400",
            "ProposedSize": "102399",
            "PartNumber": "1",
            "EC": "0042-00000213",
        }
    assert signed("HEAD", key).status_code == 404
    assert complete(signed, key, upload, (1, etags["A"])).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<CompleteMultipartUpload>",
        b"<Complete/>",
        b"\xff",
        (
            '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY one "1">]><CompleteMultipartUpload>'
            "<Part><PartNumber>&one;</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"
        ).encode("utf-16"),
        b"<CompleteMultipartUpload>" + b"<Part>" * 50_000 + b"</Part>" * 50_000 + b"</CompleteMultipartUpload>",
    ],
    ids=["empty", "open", "other", "binary", "dtd-in-utf-16", "deep"],
)
def test_malformed_documents_are_refused(signed: Signed, begin: Any, fresh: str, body: bytes):
    upload = begin(fresh + "x")
    answer = signed("POST", fresh + "x", params={"uploadId": upload}, data=body)
    assert error(answer) == (400, "MalformedXML")


def test_a_document_may_not_be_endless(signed: Signed, begin: Any, fresh: str):
    upload = begin(fresh + "x")
    answer = signed("POST", fresh + "x", params={"uploadId": upload}, data=b" " * (3 << 20))
    assert error(answer) == (400, "EntityTooLarge")


def test_all_parts_are_completed_when_asked_for(signed: Signed, begin: Any, send: Any, fresh: str):
    key = fresh + "x"
    upload = begin(key)
    contents = {4: b"d" * PART, 2: b"b" * PART, 9: b"i"}
    for number, content in contents.items():
        send(key, upload, number, content)
    headers = {"x_oss_complete_all": "yes"}
    assert error(complete(signed, key, upload, (2, etag_of(contents[2])), **headers)) == (400, "InvalidArgument")
    wrong = signed("POST", key, params={"uploadId": upload}, headers={"x-oss-complete-all": "no"})
    assert error(wrong) == (400, "InvalidArgument")
    answer = signed("POST", key, params={"uploadId": upload}, headers={"x-oss-complete-all": "yes"})
    assert answer.status_code == 200
    assert signed("GET", key).content == contents[2] + contents[4] + contents[9]


def test_an_upload_without_parts_completes_to_nothing(signed: Signed, begin: Any, fresh: str):
    upload = begin(fresh + "x")
    answer = signed("POST", fresh + "x", params={"uploadId": upload}, headers={"x-oss-complete-all": "yes"})
    assert error(answer) == (400, "InvalidPart")


def test_forbidden_overwrites(signed: Signed, begin: Any, send: Any, fresh: str):
    key = fresh + "x"
    upload = begin(key, x_oss_forbid_overwrite="true")
    send(key, upload, 1, b"new")
    signed("PUT", key, data=b"old")
    forbid = {"x-oss-forbid-overwrite": "true"}
    assert error(signed("POST", key, params={"uploads": ""}, headers=forbid)) == (409, "FileAlreadyExists")
    part = (1, etag_of(b"new"))
    assert error(complete(signed, key, upload, part, x_oss_forbid_overwrite="true")) == (409, "FileAlreadyExists")
    assert signed("GET", key).content == b"old"
    assert complete(signed, key, upload, part).status_code == 200
    assert signed("GET", key).content == b"new"


def test_an_aborted_upload_is_gone_with_its_files(signed: Signed, begin: Any, send: Any, local_cloud: Any, fresh: str):
    before = {path for path in (local_cloud.data / "blobs").rglob("*") if path.is_file()}
    upload = begin(fresh + "x")
    send(fresh + "x", upload, 1, b"content")
    assert error(signed("DELETE", fresh + "y", params={"uploadId": upload})) == (404, "NoSuchUpload")
    assert signed("DELETE", fresh + "x", params={"uploadId": upload}).status_code == 204
    assert error(signed("DELETE", fresh + "x", params={"uploadId": upload})) == (404, "NoSuchUpload")
    assert error(signed("GET", fresh + "x", params={"uploadId": upload})) == (404, "NoSuchUpload")
    assert {path for path in (local_cloud.data / "blobs").rglob("*") if path.is_file()} == before


def test_parts_are_listed_in_pages(signed: Signed, begin: Any, send: Any, fresh: str):
    key = fresh + "a b"
    upload = begin(key, x_oss_storage_class="Archive")
    for number in (10, 3, 7, 10000):
        send(key, upload, number, str(number).encode())
    seen, marker = [], ""
    for _ in range(3):
        params = {"uploadId": upload, "max-parts": "2", "encoding-type": "url"}
        document = ElementTree.fromstring(
            signed("GET", key, params=params | ({"part-number-marker": marker} if marker else {})).content
        )
        assert document.tag == "ListPartsResult"
        assert (document.findtext("Key"), document.findtext("EncodingType")) == (
            key.replace("/", "%2F").replace(" ", "%20"),
            "url",
        )
        assert (document.findtext("StorageClass"), document.findtext("MaxParts")) == ("Archive", "2")
        for part in document.iter("Part"):
            number = part.findtext("PartNumber") or ""
            assert part.findtext("ETag") == f'"{etag_of(number.encode())}"'
            assert part.findtext("Size") == str(len(number))
            seen.append(number)
        marker = document.findtext("NextPartNumberMarker") or ""
        if document.findtext("IsTruncated") == "false":
            break
    assert seen == ["3", "7", "10", "10000"]


def test_uploads_are_listed_in_pages(signed: Signed, begin: Any, fresh: str):
    keys = [fresh + name for name in ("a", "a", "b/1", "b/2", "b/2", "c 中", "d/1")]
    ids = sorted((key.encode(), begin(key)) for key in keys)

    def pages(**params: str) -> list[str]:
        listed: list[str] = []
        marker: dict[str, str] = {}
        while True:
            answer = signed("GET", params={"uploads": "", "prefix": fresh, "max-uploads": "2"} | params | marker)
            document = ElementTree.fromstring(answer.content)
            assert document.tag == "ListMultipartUploadsResult"
            entries = [u.findtext("UploadId") or "" for u in document.iter("Upload")]
            folded = [p.findtext("Prefix") or "" for p in document.iter("CommonPrefixes")]
            assert len(entries) + len(folded) <= 2
            listed += entries + folded
            if document.findtext("IsTruncated") == "false":
                return listed
            marker = {"key-marker": document.findtext("NextKeyMarker") or ""}
            if upload_id := document.findtext("NextUploadIdMarker"):
                marker["upload-id-marker"] = upload_id

    assert pages() == [upload for _, upload in ids]
    by_key = [upload for key, upload in ids if b"/" not in key[len(fresh) :]]
    assert sorted(pages(delimiter="/")) == sorted([*by_key, fresh + "b/", fresh + "d/"])
    encoded = signed("GET", params={"uploads": "", "prefix": fresh + "c", "encoding-type": "url"})
    assert "c%20%E4%B8%AD</Key>" in encoded.text


@pytest.mark.parametrize(
    ("params", "code", "ec"),
    [
        ({"partNumber": "0", "uploadId": "X"}, "InvalidArgument", "0017-00000220"),
        ({"partNumber": "10001", "uploadId": "X"}, "InvalidArgument", "0017-00000220"),
        ({"partNumber": "one", "uploadId": "X"}, "InvalidArgument", "0017-00000220"),
        ({"partNumber": "", "uploadId": "X"}, "InvalidArgument", "0017-00000219"),
        ({"uploadId": "X"}, "InvalidArgument", "0017-00000219"),
        ({"partNumber": "1"}, "MissingArgument", "0016-00000502"),
    ],
)
def test_impossible_parts(signed: Signed, fresh: str, params: dict[str, str], code: str, ec: str):
    answer = signed("PUT", fresh + "x", params=params, data=b"x")
    assert error(answer) == (400, code)
    assert answer.headers["x-oss-ec"] == ec
    assert signed("HEAD", fresh + "x").status_code == 404


@pytest.mark.parametrize(
    ("listing", "parameter", "value"),
    [
        ("uploadId", "max-parts", "1001"),
        ("uploadId", "max-parts", "0"),
        ("uploadId", "part-number-marker", "x"),
        ("uploads", "max-uploads", "0"),
        ("uploads", "max-uploads", "1001"),
        ("uploads", "encoding-type", "base64"),
    ],
)
def test_impossible_pages(signed: Signed, begin: Any, fresh: str, listing: str, parameter: str, value: str):
    upload = begin(fresh + "x")
    key = fresh + "x" if listing == "uploadId" else ""
    answer = signed("GET", key, params={listing: upload if key else "", parameter: value})
    assert error(answer) == (400, "InvalidArgument")


def test_a_damaged_part_is_not_kept(signed: Signed, begin: Any, send: Any, fresh: str):
    upload = begin(fresh + "x")
    assert error(send(fresh + "x", upload, 1, b"x", content_md5="1B2M2Y8AsgTpgAmY7PhCfg==")) == (400, "InvalidDigest")
    assert error(send(fresh + "x", upload, 1, b"x", x_oss_hash_crc64ecma="1")) == (400, "InvalidArgument")
    assert send(fresh + "x", upload, 2, b"x", x_oss_hash_crc64ecma=str(crc64(b"x"))).status_code == 200
    listed = ElementTree.fromstring(signed("GET", fresh + "x", params={"uploadId": upload}).content)
    assert [part.findtext("PartNumber") for part in listed.iter("Part")] == ["2"]


def test_parts_copied_from_ranges(signed: Signed, begin: Any, local_cloud: Any, fresh: str):
    content = os.urandom(3 * PART)
    signed("PUT", fresh + "source 中", data=content)
    etag = f'"{etag_of(content)}"'
    source = {"x-oss-copy-source": f"/{local_cloud.bucket}/{fresh}source%20%E4%B8%AD"}
    upload = begin(fresh + "x")

    def copy(number: int, **headers: str) -> requests.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        params = {"partNumber": str(number), "uploadId": upload}
        return signed("PUT", fresh + "x", params=params, headers=source | given)

    ranged = copy(1, x_oss_copy_source_range=f"bytes={PART}-{2 * PART - 1}", x_oss_copy_source_if_match=etag)
    assert (ranged.status_code, ranged.headers["content-range"]) == (200, f"bytes {PART}-{2 * PART - 1}/{3 * PART}")
    document = ElementTree.fromstring(ranged.content)
    assert (document.tag, document.findtext("ETag")) == ("CopyPartResult", f'"{etag_of(content[PART : 2 * PART])}"')
    whole = copy(2)
    assert whole.headers["etag"] == etag
    assert whole.headers["x-oss-hash-crc64ecma"] == str(crc64(content))
    assert error(copy(3, x_oss_copy_source_range=f"bytes=0-{3 * PART}")) == (416, "InvalidRange")
    assert error(copy(3, x_oss_copy_source_if_none_match="*", x_oss_copy_source_if_match='"0"')) == (
        412,
        "PreconditionFailed",
    )
    assert copy(3, x_oss_copy_source_if_none_match=etag).status_code == 304
    source["x-oss-copy-source"] += "-missing"
    assert error(copy(3)) == (404, "NoSuchKey")
    answer = signed("POST", fresh + "x", params={"uploadId": upload}, headers={"x-oss-complete-all": "yes"})
    assert answer.status_code == 200
    assert signed("GET", fresh + "x").content == content[PART : 2 * PART] + content


def test_a_bucket_with_an_upload_is_not_empty(signed: Signed, begin: Any, local_cloud: Any):
    signed("PUT", bucket="half-done")
    answer = signed("POST", "x", bucket="half-done", params={"uploads": ""})
    upload = ElementTree.fromstring(answer.content).findtext("UploadId") or ""
    stat = signed("GET", bucket="half-done", params={"stat": ""})
    assert "<MultipartUploadCount>1</MultipartUploadCount>" in stat.text
    assert error(signed("DELETE", bucket="half-done")) == (409, "BucketNotEmpty")
    signed("DELETE", "x", bucket="half-done", params={"uploadId": upload})
    assert signed("DELETE", bucket="half-done").status_code == 204
