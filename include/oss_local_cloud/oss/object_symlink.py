"""PutSymlink and GetSymlink. Reads follow a symlink. These two, copies and deletions act on the symlink itself."""

from __future__ import annotations

from urllib.parse import quote

from oss_local_cloud.oss.addressing import check_key
from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.errors import OssError, missing_argument
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse
from oss_local_cloud.oss.object_attributes import etag_headers, parse_object_attributes
from oss_local_cloud.oss.objects import file_already_exists, forbids_overwrite
from oss_local_cloud.store.objects import ObjectExists

_TARGET = "x-oss-symlink-target"


async def put_symlink(context: ApiContext, request: OssRequest) -> OssResponse:
    """PUT /bucket/key?symlink: a symlink to the key of the header, which need not exist."""
    attributes = parse_object_attributes(request.headers)
    target = check_key(request.headers.get(_TARGET, "").encode("latin-1"))
    if not target:
        raise missing_argument(_TARGET, "0043-00000001")
    overwrite = not forbids_overwrite(request)
    try:
        info = await context.blocking(
            lambda: context.store.put_symlink(request.bucket, request.key, target, attributes, overwrite=overwrite)
        )
    except ObjectExists:
        raise file_already_exists(request.key) from None
    return OssResponse(200, {"etag": f'"{info.etag}"'})


async def get_symlink(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /bucket/key?symlink: the symlink's target, in a header."""
    info = context.store.entry(request.bucket, request.key)
    if info.symlink_target is None:
        raise OssError(400, "NotSymlink", "The object you specified is not a symlink.", "0043-00000101")
    metadata = {f"x-oss-meta-{name}": value for name, value in info.metadata.items()}
    return OssResponse(200, {**etag_headers(info), **metadata, _TARGET: quote(info.symlink_target, safe="")})
