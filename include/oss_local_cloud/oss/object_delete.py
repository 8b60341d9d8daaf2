"""DeleteObject and DeleteMultipleObjects."""

from __future__ import annotations

from oss_local_cloud.oss.addressing import check_decoded_key
from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.encoding_type import key_encoder
from oss_local_cloud.oss.errors import malformed_xml, missing_argument
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse, xml_response
from oss_local_cloud.oss.xml import Element, document, parse

MAX_DELETED_KEYS = 1000


async def delete_object(context: ApiContext, request: OssRequest) -> OssResponse:
    """DELETE /bucket/key: 204, also when there is no such object."""
    await context.blocking(lambda: context.store.delete(request.bucket, [request.key]))
    return OssResponse(204)


async def delete_multiple_objects(context: ApiContext, request: OssRequest) -> OssResponse:
    """POST /bucket?delete: up to 1,000 keys at once, under a Content-MD5; the response to `Quiet` has no body."""
    if "content-md5" not in request.headers:
        raise missing_argument("Content-MD5", "0016-00000606")
    encode, encoding_type = key_encoder(request)
    root = parse(await request.body(), "Delete")
    keys = []
    for entry in root.iter("Object"):
        if entry.findtext("VersionId"):
            raise malformed_xml("this bucket has no versions")
        keys.append(check_decoded_key(entry.findtext("Key") or ""))
    if not 1 <= len(keys) <= MAX_DELETED_KEYS:
        raise malformed_xml(f"{len(keys)} objects, allowed are 1 to {MAX_DELETED_KEYS}")
    await context.blocking(lambda: context.store.delete(request.bucket, keys))
    if (root.findtext("Quiet") or "false").strip().lower() == "true":
        return OssResponse(200)
    deleted: list[Element] = [("Deleted", [("Key", encode(key))]) for key in keys]
    return xml_response(document("DeleteResult", [*encoding_type, *deleted]))
