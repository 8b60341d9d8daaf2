"""PutSymlink and GetSymlink. What reads an object follows a link; these two, copies and deletions don't."""

from __future__ import annotations

from urllib.parse import quote

from oss_local_cloud.oss.addressing import check_key
from oss_local_cloud.oss.attributes import attributes_of, etag_headers
from oss_local_cloud.oss.context import Context
from oss_local_cloud.oss.errors import OssError, missing_argument
from oss_local_cloud.oss.http import Call, Reply
from oss_local_cloud.oss.objects import file_already_exists, forbids_overwrite
from oss_local_cloud.store.objects import ObjectExists

_TARGET = "x-oss-symlink-target"


async def put_symlink(context: Context, call: Call) -> Reply:
    """PUT /bucket/key?symlink: a link to the key of the header, which need not exist."""
    attributes = attributes_of(call.headers)
    target = check_key(call.headers.get(_TARGET, "").encode("latin-1"))
    if not target:
        raise missing_argument(_TARGET, "0043-00000001")
    overwrite = not forbids_overwrite(call)
    try:
        info = await context.blocking(
            lambda: context.store.put_symlink(call.bucket, call.key, target, attributes, overwrite=overwrite)
        )
    except ObjectExists:
        raise file_already_exists(call.key) from None
    return Reply(200, {"etag": f'"{info.etag}"'})


async def get_symlink(context: Context, call: Call) -> Reply:
    """GET /bucket/key?symlink: where the link leads, in a header."""
    info = context.store.entry(call.bucket, call.key)
    if info.symlink_target is None:
        raise OssError(400, "NotSymlink", "The object you specified is not a symlink.", "0043-00000101")
    metadata = {f"x-oss-meta-{name}": value for name, value in info.metadata.items()}
    return Reply(200, {**etag_headers(info), **metadata, _TARGET: quote(info.symlink_target, safe="")})
