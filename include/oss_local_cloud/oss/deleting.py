"""DeleteObject and DeleteMultipleObjects."""

from __future__ import annotations

from oss_local_cloud.oss.addressing import check_decoded_key
from oss_local_cloud.oss.context import Context
from oss_local_cloud.oss.encoding import encoding
from oss_local_cloud.oss.errors import malformed_xml, missing_argument
from oss_local_cloud.oss.http import Call, Reply, xml_reply
from oss_local_cloud.oss.xml import Element, document, parse

MOST_DELETED = 1000


async def delete_object(context: Context, call: Call) -> Reply:
    """DELETE /bucket/key: 204, whether it was there or not."""
    await context.blocking(lambda: context.store.delete(call.bucket, [call.key]))
    return Reply(204)


async def delete_multiple_objects(context: Context, call: Call) -> Reply:
    """POST /bucket?delete: up to 1,000 keys at once, under a Content-MD5; `Quiet` answers without a body."""
    if "content-md5" not in call.headers:
        raise missing_argument("Content-MD5", "0016-00000606")
    encode, encoding_type = encoding(call)
    request = parse(await call.body(), "Delete")
    keys = []
    for entry in request.iter("Object"):
        if entry.findtext("VersionId"):
            raise malformed_xml("this bucket has no versions")
        keys.append(check_decoded_key(entry.findtext("Key") or ""))
    if not 1 <= len(keys) <= MOST_DELETED:
        raise malformed_xml(f"{len(keys)} objects, allowed are 1 to {MOST_DELETED}")
    await context.blocking(lambda: context.store.delete(call.bucket, keys))
    if (request.findtext("Quiet") or "false").strip().lower() == "true":
        return Reply(200)
    deleted: list[Element] = [("Deleted", [("Key", encode(key))]) for key in keys]
    return xml_reply(document("DeleteResult", [*encoding_type, *deleted]))
