"""PutObjectACL and GetObjectACL.

The local cloud has one account and private buckets, so the ACL of an object is `private` or `default`.
"""

from __future__ import annotations

from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.buckets import OWNER
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse, xml_response
from oss_local_cloud.oss.object_attributes import check_acl
from oss_local_cloud.oss.xml import document


async def put_object_acl(context: ApiContext, request: OssRequest) -> OssResponse:
    """PUT /bucket/key?acl: set the ACL of the header `x-oss-object-acl`."""
    acl = check_acl(request.headers.get("x-oss-object-acl", ""))
    await context.blocking(lambda: context.store.set_acl(request.bucket, request.key, acl))
    return OssResponse(200)


async def get_object_acl(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /bucket/key?acl."""
    info = context.store.entry(request.bucket, request.key)
    return xml_response(document("AccessControlPolicy", [OWNER, ("AccessControlList", [("Grant", info.acl)])]))
