"""The object API as unmodified alibabacloud-oss-v2 drives it: synchronous (V4 and V1) and asyncio (V4)."""

from __future__ import annotations

from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
from alibabacloud_oss_v2 import aio as oss_aio

KEYS = ["in/a b+c 中.mp3", "a&b=c?d#e%2F", "emoji-\U0001f3b5"]


def test_objects_go_in_and_out(oss_v2_client: oss.Client, local_cloud: Any, fresh: str):
    bucket = local_cloud.bucket
    for name in KEYS:
        key = fresh + name
        written = oss_v2_client.put_object(
            oss.PutObjectRequest(
                bucket,
                key,
                body=b"content",
                content_type="audio/mpeg",
                metadata={"a": "1"},
                tagging="k=v",
            )
        )
        assert written.status_code == 200
        assert len(written.request_id) == 24
        with oss_v2_client.get_object(oss.GetObjectRequest(bucket, key)).body as body:
            assert body.read() == b"content"
        part = oss_v2_client.get_object(oss.GetObjectRequest(bucket, key, range_header="bytes=1-3"))
        with part.body as body:
            assert (part.status_code, part.content_range, body.read()) == (206, "bytes 1-3/7", b"ont")
        head = oss_v2_client.head_object(oss.HeadObjectRequest(bucket, key))
        assert (head.content_length, head.content_type, head.metadata) == (7, "audio/mpeg", {"a": "1"})
        assert head.hash_crc64 == written.hash_crc64
        assert head.tagging_count == 1
        assert oss_v2_client.get_object_meta(oss.GetObjectMetaRequest(bucket, key)).content_length == 7
        assert oss_v2_client.is_object_exist(bucket, key)


def test_listings_copies_tags_and_deletes(oss_v2_client: oss.Client, local_cloud: Any, fresh: str):
    bucket = local_cloud.bucket
    keys = [fresh + name for name in KEYS]
    for key in keys:
        oss_v2_client.put_object(oss.PutObjectRequest(bucket, key, body=b"x"))
    pages = oss_v2_client.list_objects_v2_paginator(limit=2).iter_page(oss.ListObjectsV2Request(bucket, prefix=fresh))
    assert [entry.key for page in pages for entry in page.contents] == sorted(keys, key=str.encode)
    folded = oss_v2_client.list_objects_v2(oss.ListObjectsV2Request(bucket, prefix=fresh, delimiter="/"))
    assert [entry.prefix for entry in folded.common_prefixes] == [fresh + "in/"]
    old = oss_v2_client.list_objects(oss.ListObjectsRequest(bucket, prefix=fresh))
    assert [entry.key for entry in old.contents] == sorted(keys, key=str.encode)

    copy = oss.CopyObjectRequest(bucket, fresh + "copy 中", source_bucket=bucket, source_key=keys[0])
    assert oss_v2_client.copy_object(copy).status_code == 200
    tagging = oss.Tagging(tag_set=oss.TagSet(tags=[oss.Tag(key="stage", value="verified")]))
    oss_v2_client.put_object_tagging(oss.PutObjectTaggingRequest(bucket, keys[0], tagging=tagging))
    read = oss_v2_client.get_object_tagging(oss.GetObjectTaggingRequest(bucket, keys[0]))
    assert [(tag.key, tag.value) for tag in read.tag_set.tags] == [("stage", "verified")]
    oss_v2_client.delete_object_tagging(oss.DeleteObjectTaggingRequest(bucket, keys[0]))

    answer = oss_v2_client.delete_multiple_objects(
        oss.DeleteMultipleObjectsRequest(bucket, objects=[oss.DeleteObject(key) for key in keys])
    )
    assert [entry.key for entry in answer.deleted_objects] == keys
    quiet = oss_v2_client.delete_multiple_objects(
        oss.DeleteMultipleObjectsRequest(bucket, objects=[oss.DeleteObject(fresh + "copy 中")], quiet=True)
    )
    assert not quiet.deleted_objects
    assert not oss_v2_client.is_object_exist(bucket, fresh + "copy 中")


def test_bucket_calls(oss_v2_client: oss.Client, local_cloud: Any):
    name = "made-by-oss-v2"
    oss_v2_client.put_bucket(oss.PutBucketRequest(name))
    info = oss_v2_client.get_bucket_info(oss.GetBucketInfoRequest(name)).bucket_info
    assert (info.name, info.location, info.acl) == (name, "oss-local-1", "private")
    location = oss_v2_client.get_bucket_location(oss.GetBucketLocationRequest(name))
    assert location.location == "oss-local-1"
    assert oss_v2_client.get_bucket_acl(oss.GetBucketAclRequest(name)).acl == "private"
    assert oss_v2_client.get_bucket_stat(oss.GetBucketStatRequest(name)).object_count == 0
    listed = oss_v2_client.list_buckets(oss.ListBucketsRequest(prefix="made-by-oss")).buckets
    assert [bucket.name for bucket in listed] == [name]
    assert oss_v2_client.is_bucket_exist(name)
    oss_v2_client.delete_bucket(oss.DeleteBucketRequest(name))
    assert not oss_v2_client.is_bucket_exist(name)


def test_errors_arrive_whole(oss_v2_client: oss.Client, local_cloud: Any):
    for call, expected in (
        (
            lambda: oss_v2_client.get_object(oss.GetObjectRequest(local_cloud.bucket, "nope")),
            (404, "NoSuchKey", "0026-00000001"),
        ),
        (
            lambda: oss_v2_client.head_object(oss.HeadObjectRequest(local_cloud.bucket, "nope")),
            (404, "NoSuchKey", "0026-00000001"),
        ),
        (
            lambda: oss_v2_client.get_object(oss.GetObjectRequest("missing-bucket", "x")),
            (404, "NoSuchBucket", "0015-00000101"),
        ),
    ):
        with pytest.raises(oss.exceptions.OperationError) as raised:
            call()
        error = raised.value.unwrap()
        assert (error.status_code, error.code, error.ec) == expected
        assert len(error.request_id) == 24


def test_presigned_addresses(oss_v2_client: oss.Client, local_cloud: Any, fresh: str, http: Any):
    put = oss_v2_client.presign(oss.PutObjectRequest(local_cloud.bucket, fresh + "a b 中"))
    assert http.put(put.url, data=b"content", headers=put.signed_headers).status_code == 200
    get = oss_v2_client.presign(oss.GetObjectRequest(local_cloud.bucket, fresh + "a b 中"))
    assert http.get(get.url, headers=get.signed_headers).content == b"content"


async def test_the_asyncio_client_does_it_all(oss_v2_aio_client: oss_aio.AsyncClient, local_cloud: Any, fresh: str):
    client, bucket = oss_v2_aio_client, local_cloud.bucket
    for name in KEYS:
        key = fresh + name
        await client.put_object(oss.PutObjectRequest(bucket, key, body=b"content", content_type="audio/mpeg"))
        answer = await client.get_object(oss.GetObjectRequest(bucket, key))
        assert await answer.body.read() == b"content"
        await answer.body.close()
        head = await client.head_object(oss.HeadObjectRequest(bucket, key))
        assert (head.content_length, head.content_type) == (7, "audio/mpeg")
        # yarl rewrites the query after it was signed: %2F as /, %20 as +
        listed = await client.list_objects_v2(oss.ListObjectsV2Request(bucket, prefix=key, delimiter="/"))
        assert [entry.key for entry in listed.contents] == [key]
        copy = oss.CopyObjectRequest(bucket, key + "-copy", source_bucket=bucket, source_key=key)
        assert (await client.copy_object(copy)).etag == answer.etag
    answer = await client.delete_multiple_objects(
        oss.DeleteMultipleObjectsRequest(bucket, objects=[oss.DeleteObject(fresh + name) for name in KEYS])
    )
    assert [entry.key for entry in answer.deleted_objects] == [fresh + name for name in KEYS]
    with pytest.raises(oss.exceptions.OperationError) as raised:
        await client.get_object(oss.GetObjectRequest(bucket, fresh + KEYS[0]))
    assert raised.value.unwrap().code == "NoSuchKey"
    with pytest.raises(oss.exceptions.OperationError) as raised:
        await client.async_process_object(
            oss.AsyncProcessObjectRequest(bucket, fresh + KEYS[0], process="audio/convert,f_mp3")
        )
    assert raised.value.unwrap().code == "NoSuchKey"
