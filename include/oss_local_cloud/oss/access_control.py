"""PutObjectACL and GetObjectACL. Nobody but the account reads anything here, so an object is private or, by default,
what its bucket is.
"""

from __future__ import annotations

from oss_local_cloud.oss.attributes import check_acl
from oss_local_cloud.oss.buckets import OWNER
from oss_local_cloud.oss.context import Context
from oss_local_cloud.oss.http import Call, Reply, xml_reply
from oss_local_cloud.oss.xml import document


async def put_object_acl(context: Context, call: Call) -> Reply:
    """PUT /bucket/key?acl: the header says which."""
    acl = check_acl(call.headers.get("x-oss-object-acl", ""))
    await context.blocking(lambda: context.store.set_acl(call.bucket, call.key, acl))
    return Reply(200)


async def get_object_acl(context: Context, call: Call) -> Reply:
    """GET /bucket/key?acl."""
    info = context.store.entry(call.bucket, call.key)
    return xml_reply(document("AccessControlPolicy", [OWNER, ("AccessControlList", [("Grant", info.acl)])]))
