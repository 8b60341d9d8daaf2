"""Multipart uploads, copies, appends and links as the unmodified SDKs make them."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import alibabacloud_oss_v2 as oss
import oss2
import pytest
from alibabacloud_oss_v2 import aio as oss_aio

versions = pytest.mark.parametrize("oss2_bucket", ["V1", "V2", "V4"], indirect=True)
PART = 100 * 1024


@versions
def test_oss2_resumable_upload_and_download(oss2_bucket: oss2.Bucket, fresh: str, tmp_path: Path):
    content = os.urandom(5 * PART + 7)
    (tmp_path / "source").write_bytes(content)
    oss2.resumable_upload(
        oss2_bucket,
        fresh + "x 中",
        str(tmp_path / "source"),
        store=oss2.ResumableStore(root=str(tmp_path)),
        multipart_threshold=PART,
        part_size=PART,
        num_threads=3,
        headers={"Content-Type": "audio/flac", "x-oss-tagging": "k=v"},
    )
    head = oss2_bucket.head_object(fresh + "x 中")
    assert (head.object_type, head.content_length, head.content_type) == ("Multipart", len(content), "audio/flac")
    assert head.etag.endswith("-6")
    oss2.resumable_download(
        oss2_bucket,
        fresh + "x 中",
        str(tmp_path / "target"),
        store=oss2.ResumableDownloadStore(root=str(tmp_path)),
        multiget_threshold=PART,
        part_size=PART,
        num_threads=3,
    )
    assert (tmp_path / "target").read_bytes() == content


def test_oss2_resumes_an_upload_that_broke_off(oss2_bucket: oss2.Bucket, fresh: str, tmp_path: Path):
    content = os.urandom(4 * PART)
    (tmp_path / "source").write_bytes(content)
    store = oss2.ResumableStore(root=str(tmp_path))
    sent = []

    def stop_half_way(done: int, total: int | None) -> None:
        sent.append(done)
        if done > 2 * PART:
            raise KeyboardInterrupt

    def upload(progress: Any) -> None:
        oss2.resumable_upload(
            oss2_bucket,
            fresh + "x",
            str(tmp_path / "source"),
            store=store,
            multipart_threshold=PART,
            part_size=PART,
            num_threads=1,
            progress_callback=progress,
        )

    with pytest.raises(KeyboardInterrupt):
        upload(stop_half_way)
    (left,) = oss2_bucket.list_multipart_uploads(prefix=fresh).upload_list
    kept = oss2_bucket.list_parts(left.key, left.upload_id).parts
    assert kept
    sent.clear()
    upload(lambda done, total: sent.append(done))
    assert min(sent) >= len(kept) * PART
    assert oss2_bucket.get_object(fresh + "x").read() == content
    assert not oss2_bucket.list_multipart_uploads(prefix=fresh).upload_list


@versions
def test_oss2_copies_in_parts(oss2_bucket: oss2.Bucket, fresh: str):
    content = os.urandom(3 * PART)
    oss2_bucket.put_object(fresh + "源", content)
    upload = oss2_bucket.init_multipart_upload(fresh + "copy").upload_id
    parts = []
    for number in (1, 2, 3):
        part_range = ((number - 1) * PART, number * PART - 1)
        copied = oss2_bucket.upload_part_copy(
            oss2_bucket.bucket_name, fresh + "源", part_range, fresh + "copy", upload, number
        )
        parts.append(oss2.models.PartInfo(number, copied.etag, size=PART, part_crc=copied.crc))
    listed = [(part.part_number, part.size) for part in oss2.PartIterator(oss2_bucket, fresh + "copy", upload)]
    assert listed == [(1, PART), (2, PART), (3, PART)]
    oss2_bucket.complete_multipart_upload(fresh + "copy", upload, parts)  # compares the CRC-64 of the whole
    assert oss2_bucket.get_object(fresh + "copy").read() == content


@versions
def test_oss2_lists_and_aborts_uploads(oss2_bucket: oss2.Bucket, fresh: str):
    begun = {oss2_bucket.init_multipart_upload(fresh + name).upload_id for name in ("a", "a", "b 中")}
    listed = list(oss2.MultipartUploadIterator(oss2_bucket, prefix=fresh, max_uploads=1))
    assert [upload.key for upload in listed] == [fresh + "a", fresh + "a", fresh + "b 中"]
    assert {upload.upload_id for upload in listed} == begun
    for upload in listed:
        oss2_bucket.abort_multipart_upload(upload.key, upload.upload_id)
    assert not list(oss2.MultipartUploadIterator(oss2_bucket, prefix=fresh))
    with pytest.raises(oss2.exceptions.NoSuchUpload):
        oss2_bucket.upload_part(fresh + "a", listed[0].upload_id, 1, b"x")


@versions
def test_oss2_appends(oss2_bucket: oss2.Bucket, fresh: str):
    first = oss2_bucket.append_object(fresh + "x", 0, b"abc", init_crc=0)
    second = oss2_bucket.append_object(fresh + "x", first.next_position, b"def", init_crc=first.crc)
    assert second.next_position == 6
    assert oss2_bucket.get_object(fresh + "x").read() == b"abcdef"
    with pytest.raises(oss2.exceptions.PositionNotEqualToLength) as refused:
        oss2_bucket.append_object(fresh + "x", 5, b"x")
    assert refused.value.next_position == 6
    oss2_bucket.put_object(fresh + "y", b"abc")
    with pytest.raises(oss2.exceptions.ObjectNotAppendable):
        oss2_bucket.append_object(fresh + "y", 3, b"x")


@versions
def test_oss2_links_acls_and_restores(oss2_bucket: oss2.Bucket, fresh: str):
    oss2_bucket.put_object(fresh + "目", b"content")
    oss2_bucket.put_symlink(fresh + "目", fresh + "link")
    assert oss2_bucket.get_symlink(fresh + "link").target_key == fresh + "目"
    assert oss2_bucket.get_object(fresh + "link").read() == b"content"
    oss2_bucket.put_object_acl(fresh + "目", oss2.OBJECT_ACL_PRIVATE)
    assert oss2_bucket.get_object_acl(fresh + "目").acl == oss2.OBJECT_ACL_PRIVATE
    oss2_bucket.put_object(fresh + "cold", b"x", headers={"x-oss-storage-class": "ColdArchive"})
    job = oss2.models.RestoreJobParameters(oss2.models.RESTORE_TIER_EXPEDITED)
    restoring = oss2_bucket.restore_object(fresh + "cold", input=oss2.models.RestoreConfiguration(2, job))
    assert restoring.status == 202


def test_v2_uploader(oss_v2_client: oss.Client, local_cloud: Any, fresh: str, tmp_path: Path):
    content = os.urandom(4 * PART + 1)
    (tmp_path / "source").write_bytes(content)
    uploader = oss_v2_client.uploader(part_size=PART, parallel_num=3)
    done = uploader.upload_file(
        oss.PutObjectRequest(local_cloud.bucket, fresh + "file", metadata={"a": "1"}), str(tmp_path / "source")
    )
    assert done.etag.strip('"').endswith("-5")
    uploader.upload_from(oss.PutObjectRequest(local_cloud.bucket, fresh + "stream"), io.BytesIO(content))
    downloader = oss_v2_client.downloader(part_size=PART)
    for name in ("file", "stream"):
        downloader.download_file(oss.GetObjectRequest(local_cloud.bucket, fresh + name), str(tmp_path / name))
        assert (tmp_path / name).read_bytes() == content
    assert oss_v2_client.head_object(oss.HeadObjectRequest(local_cloud.bucket, fresh + "file")).metadata == {"a": "1"}


def test_v2_copier(oss_v2_client: oss.Client, local_cloud: Any, fresh: str):
    bucket, content = local_cloud.bucket, os.urandom(3 * PART)
    oss_v2_client.put_object(
        oss.PutObjectRequest(bucket, fresh + "源 a", body=content, content_type="audio/flac", tagging="k=v")
    )
    copier = oss_v2_client.copier(part_size=PART, multipart_copy_threshold=1, disable_shallow_copy=True)
    request = oss.CopyObjectRequest(bucket, fresh + "copy", source_bucket=bucket, source_key=fresh + "源 a")
    assert (copier.copy(request).etag or "").strip('"').endswith("-3")
    with oss_v2_client.get_object(oss.GetObjectRequest(bucket, fresh + "copy")).body as body:
        assert body.read() == content
    head = oss_v2_client.head_object(oss.HeadObjectRequest(bucket, fresh + "copy"))
    assert (head.content_type, head.tagging_count, head.object_type) == ("audio/flac", 1, "Multipart")


def test_v2_append_file(oss_v2_client: oss.Client, local_cloud: Any, fresh: str):
    for content in (b"first,", b"second,"):
        with oss_v2_client.append_file(local_cloud.bucket, fresh + "x") as file:
            file.write(content)
            file.write_from(io.BytesIO(content))
    with oss_v2_client.get_object(oss.GetObjectRequest(local_cloud.bucket, fresh + "x")).body as body:
        assert body.read() == b"first,first,second,second,"


def test_v2_links_acls_and_restores(oss_v2_client: oss.Client, local_cloud: Any, fresh: str):
    bucket = local_cloud.bucket
    oss_v2_client.put_object(oss.PutObjectRequest(bucket, fresh + "x", body=b"x", storage_class="Archive"))
    oss_v2_client.put_symlink(oss.PutSymlinkRequest(bucket, fresh + "link", symlink_target=fresh + "x"))
    assert oss_v2_client.get_symlink(oss.GetSymlinkRequest(bucket, fresh + "link")).target == quote(
        fresh + "x", safe=""
    )
    oss_v2_client.put_object_acl(oss.PutObjectAclRequest(bucket, fresh + "x", acl="private"))
    assert oss_v2_client.get_object_acl(oss.GetObjectAclRequest(bucket, fresh + "x")).acl == "private"
    restore = oss.RestoreObjectRequest(bucket, fresh + "x", restore_request=oss.RestoreRequest(days=1))
    assert oss_v2_client.restore_object(restore).status_code == 202
    head = oss_v2_client.head_object(oss.HeadObjectRequest(bucket, fresh + "x"))
    assert head.restore == 'ongoing-request="true"'
    with pytest.raises(oss.exceptions.OperationError) as refused:
        oss_v2_client.get_object(oss.GetObjectRequest(bucket, fresh + "x"))
    assert refused.value.unwrap().code == "InvalidObjectState"


async def test_v2_aio_multipart(oss_v2_aio_client: oss_aio.AsyncClient, local_cloud: Any, fresh: str):
    client, bucket, key = oss_v2_aio_client, local_cloud.bucket, fresh + "x 中"
    contents = [os.urandom(PART), os.urandom(PART), b"tail"]
    begun = await client.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(bucket, key))
    assert begun.key == key
    for number, content in enumerate(contents, 1):
        request = oss.UploadPartRequest(bucket, key, part_number=number, upload_id=begun.upload_id, body=content)
        assert (await client.upload_part(request)).status_code == 200
    listed = await client.list_parts(oss.ListPartsRequest(bucket, key, upload_id=begun.upload_id))
    assert [part.size for part in listed.parts] == [PART, PART, 4]
    uploads = await client.list_multipart_uploads(oss.ListMultipartUploadsRequest(bucket, prefix=fresh))
    assert [upload.key for upload in uploads.uploads] == [key]
    done = await client.complete_multipart_upload(
        oss.CompleteMultipartUploadRequest(bucket, key, upload_id=begun.upload_id, complete_all="yes")
    )
    assert done.key == key
    read = await client.get_object(oss.GetObjectRequest(bucket, key))
    async with read.body as body:
        assert await body.read() == b"".join(contents)

    copied = await client.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(bucket, key + "2"))
    part = oss.UploadPartCopyRequest(
        bucket,
        key + "2",
        part_number=1,
        upload_id=copied.upload_id,
        source_bucket=bucket,
        source_key=key,
        source_range="bytes=1-3",
    )
    assert (await client.upload_part_copy(part)).headers["content-range"] == f"bytes 1-3/{2 * PART + 4}"
    await client.abort_multipart_upload(oss.AbortMultipartUploadRequest(bucket, key + "2", upload_id=copied.upload_id))
    with pytest.raises(oss.exceptions.OperationError) as refused:
        await client.upload_part_copy(part)
    assert refused.value.unwrap().code == "NoSuchUpload"


async def test_v2_aio_appends(oss_v2_aio_client: oss_aio.AsyncClient, local_cloud: Any, fresh: str):
    bucket, key = local_cloud.bucket, fresh + "x"
    first = await oss_v2_aio_client.append_object(oss.AppendObjectRequest(bucket, key, position=0, body=b"abc"))
    assert first.next_position == 3
    second = await oss_v2_aio_client.append_object(oss.AppendObjectRequest(bucket, key, position=3, body=b"def"))
    assert second.next_position == 6
    with pytest.raises(oss.exceptions.OperationError) as refused:
        await oss_v2_aio_client.append_object(oss.AppendObjectRequest(bucket, key, position=1, body=b"x"))
    assert refused.value.unwrap().code == "PositionNotEqualToLength"
