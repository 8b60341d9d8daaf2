"""PutObjectTagging, GetObjectTagging and DeleteObjectTagging."""

from __future__ import annotations

from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.errors import malformed_xml
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse, xml_response
from oss_local_cloud.oss.object_attributes import check_tags
from oss_local_cloud.oss.xml import Element, document, parse


async def put_object_tagging(context: ApiContext, request: OssRequest) -> OssResponse:
    """PUT /bucket/key?tagging: replace all tags."""
    root = parse(await request.body(), "Tagging")
    pairs = []
    for tag in root.iter("Tag"):
        key, value = tag.findtext("Key"), tag.findtext("Value")
        if key is None or value is None:
            raise malformed_xml("every Tag needs a Key and a Value")
        pairs.append((key, value))
    tags = check_tags(pairs)
    await context.blocking(lambda: context.store.set_tags(request.bucket, request.key, tags))
    return OssResponse(200)


async def get_object_tagging(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /bucket/key?tagging."""
    info = context.store.entry(request.bucket, request.key)
    tags: list[Element] = [("Tag", [("Key", k), ("Value", v)]) for k, v in info.tags.items()]
    return xml_response(document("Tagging", [("TagSet", tags)]))


async def delete_object_tagging(context: ApiContext, request: OssRequest) -> OssResponse:
    """DELETE /bucket/key?tagging."""
    await context.blocking(lambda: context.store.set_tags(request.bucket, request.key, {}))
    return OssResponse(204)
