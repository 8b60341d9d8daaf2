"""The object API as unmodified oss2 drives it, with each of its signature versions."""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oss2
import pytest
import requests

versions = pytest.mark.parametrize("oss2_bucket", ["V1", "V2", "V4"], indirect=True)

KEYS = ["plain.mp3", "in/a b+c 中.mp3", "dots/../x", "percent%2Fsign", "a&b=c?d#e", "emoji-\U0001f3b5", "x" * 1023]


@versions
@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:12])
def test_put_get_head_delete(oss2_bucket: oss2.Bucket, key: str):
    content = f"content of {key}".encode()
    written = oss2_bucket.put_object(key, content, headers={"Content-Type": "audio/mpeg"})
    assert written.status == 200
    assert written.etag == hashlib.md5(content).hexdigest().upper()
    assert len(written.request_id) == 24
    read = oss2_bucket.get_object(key)
    assert read.read() == content
    assert read.server_crc == written.crc
    head = oss2_bucket.head_object(key)
    assert (head.content_length, head.content_type, head.etag) == (len(content), "audio/mpeg", written.etag)
    assert head.object_type == "Normal"
    assert oss2_bucket.get_object_meta(key).content_length == len(content)
    assert oss2_bucket.object_exists(key)
    assert oss2_bucket.delete_object(key).status == 204
    assert not oss2_bucket.object_exists(key)
    assert oss2_bucket.delete_object(key).status == 204


@versions
def test_an_empty_object(oss2_bucket: oss2.Bucket, fresh: str):
    oss2_bucket.put_object(fresh + "empty", b"")
    assert oss2_bucket.get_object(fresh + "empty").read() == b""
    assert oss2_bucket.head_object(fresh + "empty").content_length == 0


def test_a_large_object_in_a_stream(oss2_bucket: oss2.Bucket, fresh: str, tmp_path: Path):
    block = bytes(range(256)) * 4096
    content = block * 5 + b"tail"
    written = oss2_bucket.put_object(fresh + "large", io.BytesIO(content))
    assert written.etag == hashlib.md5(content).hexdigest().upper()
    oss2_bucket.get_object_to_file(fresh + "large", str(tmp_path / "large"))
    assert (tmp_path / "large").read_bytes() == content
    part = oss2_bucket.get_object(fresh + "large", byte_range=(300_000, 3_000_000))
    assert part.read() == content[300_000:3_000_001]
    assert part.status == 206


def test_a_generator_is_sent_chunked(oss2_bucket: oss2.Bucket, fresh: str):
    oss2_bucket.put_object(fresh + "chunked", iter([b"ab", b"cd", b"ef"]))
    assert oss2_bucket.get_object(fresh + "chunked").read() == b"abcdef"


@versions
def test_headers_metadata_and_tags_are_kept(oss2_bucket: oss2.Bucket, fresh: str):
    headers = {
        "Content-Type": "audio/flac",
        "Cache-Control": "no-cache",
        "Content-Disposition": "attachment; filename=x.flac",
        "x-oss-meta-Artist": "somebody",
        "x-oss-tagging": "album=first%20one&year=2026",
    }
    oss2_bucket.put_object(fresh + "tagged", b"x", headers=headers)
    head = oss2_bucket.head_object(fresh + "tagged")
    assert head.headers["content-type"] == "audio/flac"
    assert head.headers["cache-control"] == "no-cache"
    assert head.headers["content-disposition"] == "attachment; filename=x.flac"
    assert head.headers["x-oss-meta-artist"] == "somebody"
    assert head.headers["x-oss-tagging-count"] == "2"
    assert tags(oss2_bucket, fresh + "tagged") == {"album": "first one", "year": "2026"}


@versions
def test_tags_are_replaced_and_deleted(oss2_bucket: oss2.Bucket, fresh: str):
    oss2_bucket.put_object(fresh + "x", b"x")
    rule = oss2.models.TaggingRule()
    rule.add("stage", "verified")
    oss2_bucket.put_object_tagging(fresh + "x", oss2.models.Tagging(rule))
    assert tags(oss2_bucket, fresh + "x") == {"stage": "verified"}
    oss2_bucket.delete_object_tagging(fresh + "x")
    assert tags(oss2_bucket, fresh + "x") == {}


def tags(bucket: oss2.Bucket, key: str) -> dict[str, str]:
    found: dict[str, str] = bucket.get_object_tagging(key).tag_set.tagging_rule
    return found


@versions
def test_listings_page_through_keys_and_prefixes(oss2_bucket: oss2.Bucket, fresh: str):
    keys = [f"{fresh}{name}" for name in ("a", "b b", "c+中", "dir/1", "dir/2", "e/3")]
    for key in keys:
        oss2_bucket.put_object(key, b"x")
    for iterator in (oss2.ObjectIterator, oss2.ObjectIteratorV2):
        assert [o.key for o in iterator(oss2_bucket, prefix=fresh, max_keys=2)] == keys
        folded = list(iterator(oss2_bucket, prefix=fresh, delimiter="/", max_keys=2))
        assert [o.key for o in folded] == [*keys[:3], fresh + "dir/", fresh + "e/"]
        assert [o.is_prefix() for o in folded] == [False, False, False, True, True]
    entry = oss2_bucket.list_objects_v2(prefix=keys[0], fetch_owner=True).object_list[0]
    assert (entry.size, entry.storage_class, entry.type) == (1, "Standard", "Normal")
    assert entry.etag == hashlib.md5(b"x").hexdigest().upper()
    assert entry.owner.id
    after = oss2_bucket.list_objects_v2(prefix=fresh, start_after=fresh + "dir/1")
    assert [o.key for o in after.object_list] == keys[4:]


def test_a_listing_goes_on_after_any_key(oss2_bucket: oss2.Bucket, fresh: str):
    keys = sorted({f"{fresh}{'x' * length}{end}" for length in range(3) for end in "~>?¾ÿ满中\x7f"}, key=str.encode)
    for key in keys:
        oss2_bucket.put_object(key, b"x")
    for iterator in (oss2.ObjectIterator, oss2.ObjectIteratorV2):
        found = itertools.islice(iterator(oss2_bucket, prefix=fresh, max_keys=1), len(keys) + 1)
        assert [entry.key for entry in found] == keys


@versions
def test_many_objects_are_deleted_at_once(oss2_bucket: oss2.Bucket, fresh: str):
    keys = [f"{fresh}{number} 中" for number in range(3)]
    for key in keys:
        oss2_bucket.put_object(key, b"x")
    answer = oss2_bucket.batch_delete_objects([*keys, fresh + "never there"])
    assert answer.deleted_keys == [*keys, fresh + "never there"]
    assert not any(oss2_bucket.object_exists(key) for key in keys)


@versions
def test_a_copy_takes_content_metadata_and_tags_along(oss2_bucket: oss2.Bucket, fresh: str):
    source, target = fresh + "源 a+b.mp3", fresh + "copy"
    headers = {"Content-Type": "audio/mpeg", "x-oss-meta-a": "1", "x-oss-tagging": "k=v"}
    written = oss2_bucket.put_object(source, b"content", headers=headers)
    copied = oss2_bucket.copy_object(oss2_bucket.bucket_name, source, target)
    assert copied.etag == written.etag
    head = oss2_bucket.head_object(target)
    assert (head.content_type, head.headers["x-oss-meta-a"]) == ("audio/mpeg", "1")
    assert tags(oss2_bucket, target) == {"k": "v"}

    replaced = {
        "Content-Type": "audio/aac",
        "x-oss-metadata-directive": "REPLACE",
        "x-oss-tagging-directive": "Replace",
        "x-oss-tagging": "new=tag",
    }
    oss2_bucket.copy_object(oss2_bucket.bucket_name, source, target, headers=replaced)
    head = oss2_bucket.head_object(target)
    assert head.content_type == "audio/aac"
    assert "x-oss-meta-a" not in head.headers
    assert tags(oss2_bucket, target) == {"new": "tag"}


def test_a_copy_onto_itself_replaces_the_metadata(oss2_bucket: oss2.Bucket, fresh: str):
    oss2_bucket.put_object(fresh + "x", b"content", headers={"x-oss-meta-old": "1"})
    oss2_bucket.update_object_meta(fresh + "x", {"x-oss-meta-new": "2", "Content-Type": "audio/ogg"})
    head = oss2_bucket.head_object(fresh + "x")
    assert head.headers["x-oss-meta-new"] == "2"
    assert "x-oss-meta-old" not in head.headers
    assert oss2_bucket.get_object(fresh + "x").read() == b"content"


def test_a_copy_is_conditional_on_its_source(oss2_bucket: oss2.Bucket, fresh: str):
    etag = oss2_bucket.put_object(fresh + "x", b"content").etag
    name = oss2_bucket.bucket_name
    oss2_bucket.copy_object(name, fresh + "x", fresh + "y", headers={"x-oss-copy-source-if-match": etag})
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        oss2_bucket.copy_object(name, fresh + "x", fresh + "y", headers={"x-oss-copy-source-if-match": "0" * 32})
    with pytest.raises(oss2.exceptions.NotModified):
        oss2_bucket.copy_object(name, fresh + "x", fresh + "y", headers={"x-oss-copy-source-if-none-match": etag})


def test_forbidding_overwrites(oss2_bucket: oss2.Bucket, fresh: str):
    forbid = {"x-oss-forbid-overwrite": "true"}
    oss2_bucket.put_object(fresh + "x", b"first", headers=forbid)
    for again in (
        lambda: oss2_bucket.put_object(fresh + "x", b"second", headers=forbid),
        lambda: oss2_bucket.copy_object(oss2_bucket.bucket_name, fresh + "x", fresh + "x", headers=forbid),
    ):
        with pytest.raises(oss2.exceptions.ServerError) as raised:
            again()
        assert (raised.value.status, raised.value.code) == (409, "FileAlreadyExists")
    assert oss2_bucket.get_object(fresh + "x").read() == b"first"


def test_conditional_reads(oss2_bucket: oss2.Bucket, fresh: str):
    oss2_bucket.put_object(fresh + "x", b"content")
    head = oss2_bucket.head_object(fresh + "x")
    modified = head.headers["last-modified"]
    for read in (oss2_bucket.get_object, oss2_bucket.head_object):
        for headers in ({"If-None-Match": head.etag}, {"If-Modified-Since": modified}):
            with pytest.raises(oss2.exceptions.NotModified):
                read(fresh + "x", headers=headers)
        with pytest.raises(oss2.exceptions.ServerError) as raised:
            read(fresh + "x", headers={"If-Match": "0" * 32})
        assert (raised.value.status, raised.value.code) == (412, "PreconditionFailed")
        assert read(fresh + "x", headers={"If-Match": head.etag, "If-Unmodified-Since": modified}).status == 200


@versions
def test_bucket_calls(local_cloud: Any, oss2_bucket_for: Callable[..., oss2.Bucket], oss2_bucket: oss2.Bucket):
    name = f"made-by-{oss2_bucket.auth.auth_version()}"
    bucket = oss2_bucket_for(local_cloud, name=name)
    bucket.create_bucket()
    bucket.create_bucket()  # one's own bucket again: nothing changes
    info = bucket.get_bucket_info()
    assert (info.name, info.location, info.storage_class) == (name, "oss-local-1", "Standard")
    assert info.acl.grant == bucket.get_bucket_acl().acl == "private"
    assert bucket.get_bucket_location().location == "oss-local-1"
    bucket.put_object("x", b"12345")
    stat = bucket.get_bucket_stat()
    assert (stat.object_count, stat.storage_size_in_bytes) == (1, 5)
    bucket.put_object("rare", b"123", headers={"x-oss-storage-class": "IA"})
    stat = bucket.get_bucket_stat()
    assert (stat.object_count, stat.standard_object_count, stat.infrequent_access_object_count) == (2, 1, 1)
    assert (stat.standard_storage, stat.infrequent_access_real_storage) == (5, 3)
    bucket.delete_object("rare")
    with pytest.raises(oss2.exceptions.BucketNotEmpty):
        bucket.delete_bucket()
    bucket.delete_object("x")
    bucket.delete_bucket()
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        bucket.get_bucket_info()


@versions
def test_buckets_are_listed(local_cloud: Any, oss2_bucket: oss2.Bucket):
    service = oss2.Service(oss2_bucket.auth, local_cloud.oss, region=local_cloud.region)
    listed = {bucket.name: bucket for bucket in oss2.BucketIterator(service, max_keys=1)}
    service.session.session.close()
    assert listed[local_cloud.bucket].location == "oss-local-1"
    assert listed[local_cloud.bucket].extranet_endpoint in local_cloud.oss


@versions
def test_presigned_addresses(oss2_bucket: oss2.Bucket, fresh: str, http: requests.Session):
    key = fresh + "a b/中.txt"
    upload = oss2_bucket.sign_url("PUT", key, 60, headers={"Content-Type": "text/plain"}, slash_safe=True)
    assert http.put(upload, data=b"content", headers={"Content-Type": "text/plain"}).status_code == 200
    assert http.put(upload, data=b"content", headers={"Content-Type": "text/html"}).status_code == 403
    parameters = {"response-content-type": "audio/x-test"}
    answer = http.get(oss2_bucket.sign_url("GET", key, 60, params=parameters))
    assert (answer.status_code, answer.content) == (200, b"content")
    assert answer.headers["content-type"] == "audio/x-test"
    assert http.get(oss2_bucket.sign_url("GET", key, -1)).status_code == 403


@versions
def test_errors_name_what_was_wrong(
    local_cloud: Any, oss2_bucket: oss2.Bucket, oss2_bucket_for: Callable[..., oss2.Bucket]
):
    version = f"V{oss2_bucket.auth.auth_version()[-1]}"

    def error_of(key: str = "nope", **settings: Any) -> oss2.exceptions.OssError:
        with pytest.raises(oss2.exceptions.ServerError) as raised:
            oss2_bucket_for(local_cloud, version, **settings).get_object(key)
        return raised.value

    for error, expected in (
        (error_of(), (404, "NoSuchKey", "0026-00000001")),
        (error_of(name="missing-bucket"), (404, "NoSuchBucket", "0015-00000101")),
        (error_of(name="missing-bucket", key_id="otherAK"), (404, "NoSuchBucket", "0015-00000101")),
        (error_of(key_id="otherAK"), (403, "InvalidAccessKeyId", "0002-00000902")),
        (error_of(secret="otherSK"), (403, "SignatureDoesNotMatch", "0002-00000040")),
        (error_of(token="otherToken"), (403, "InvalidSecurityToken", "0002-00000006")),
    ):
        assert (error.status, error.code, error.ec or "") == expected
        assert len(error.request_id) == 24
        assert error.details["HostId"] in local_cloud.oss
        assert local_cloud.access_key_secret not in str(error)


def test_the_region_is_checked(local_cloud: Any, oss2_bucket_for: Callable[..., oss2.Bucket]):
    with pytest.raises(oss2.exceptions.InvalidArgument) as raised:
        oss2_bucket_for(local_cloud, "V4", region="cn-hangzhou").get_object("x")
    assert raised.value.message == "Invalid signing region in Authorization header."
    assert raised.value.ec == "0002-00000226"


def test_head_errors_come_in_a_header(oss2_bucket: oss2.Bucket):
    with pytest.raises(oss2.exceptions.NotFound) as raised:
        oss2_bucket.head_object("nope")
    assert (raised.value.code, raised.value.ec) == ("NoSuchKey", "0026-00000001")


def test_an_sts_token_is_accepted_when_it_is_the_configured_one(
    start_local_cloud: Callable[..., Any], oss2_bucket_for: Callable[..., oss2.Bucket]
):
    cloud = start_local_cloud(security_token="token+of/this==cloud")
    for version in ("V1", "V2", "V4"):
        bucket = oss2_bucket_for(cloud, version, token="token+of/this==cloud")
        assert bucket.put_object(version, b"x").status == 200
        assert requests.get(bucket.sign_url("GET", version, 60), timeout=10).content == b"x"
        with pytest.raises(oss2.exceptions.ServerError) as raised:
            oss2_bucket_for(cloud, version, token="another").get_object(version)
        assert raised.value.code == "InvalidSecurityToken"


def test_an_unbound_bucket_has_no_imm_project(local_cloud: Any, oss2_bucket_for: Callable[..., oss2.Bucket]):
    bucket = oss2_bucket_for(local_cloud, name="unbound")
    bucket.create_bucket()
    bucket.put_object("a.wav", b"x")
    with pytest.raises(oss2.exceptions.ServerError) as raised:
        bucket.async_process_object("a.wav", "audio/convert,f_mp3|sys/saveas,o_Yi5tcDM")
    assert (raised.value.status, raised.value.code) == (404, "Imm Client")
    assert "The specified resource Attachment is not found." in raised.value.message


@versions
def test_async_process_looks_for_bucket_and_key_first(oss2_bucket: oss2.Bucket):
    with pytest.raises(oss2.exceptions.NoSuchKey):
        oss2_bucket.async_process_object("nope.wav", "audio/convert,f_mp3|sys/saveas,o_Yi5tcDM")


def test_what_is_not_done_says_so(oss2_bucket: oss2.Bucket, fresh: str):
    oss2_bucket.put_object(fresh + "x", b"x")
    for call, name in (
        (lambda: oss2_bucket.get_bucket_lifecycle(), "GetBucketLifecycle"),
        (lambda: oss2_bucket.put_bucket_acl("public-read"), "bucket ACLs other than private"),
        (lambda: oss2_bucket.get_object(fresh + "x", process="video/info"), "GetObject with x-oss-process=video/info"),
    ):
        with pytest.raises(oss2.exceptions.ServerError) as raised:
            call()
        assert (raised.value.status, raised.value.code) == (501, "NotImplemented")
        assert name in raised.value.message


def test_two_pages_never_overlap_while_keys_come_and_go(oss2_bucket: oss2.Bucket, fresh: str):
    for number in range(10):
        oss2_bucket.put_object(f"{fresh}{number}", b"x")
    pages = oss2.ObjectIteratorV2(oss2_bucket, prefix=fresh, max_keys=3)
    first = [o.key for o in itertools.islice(pages, 3)]
    oss2_bucket.delete_object(fresh + "2")
    oss2_bucket.delete_object(fresh + "5")
    rest = [o.key for o in pages]
    assert first + rest == [f"{fresh}{number}" for number in (0, 1, 2, 3, 4, 6, 7, 8, 9)]
