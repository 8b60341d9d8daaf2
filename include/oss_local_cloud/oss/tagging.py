"""PutObjectTagging, GetObjectTagging and DeleteObjectTagging."""

from __future__ import annotations

from oss_local_cloud.oss.attributes import check_tags
from oss_local_cloud.oss.context import Context
from oss_local_cloud.oss.errors import malformed_xml
from oss_local_cloud.oss.http import Call, Reply, xml_reply
from oss_local_cloud.oss.xml import Element, document, parse


async def put_object_tagging(context: Context, call: Call) -> Reply:
    """PUT /bucket/key?tagging: replace all tags."""
    request = parse(await call.body(), "Tagging")
    pairs = []
    for tag in request.iter("Tag"):
        key, value = tag.findtext("Key"), tag.findtext("Value")
        if key is None or value is None:
            raise malformed_xml("every Tag needs a Key and a Value")
        pairs.append((key, value))
    tags = check_tags(pairs)
    await context.blocking(lambda: context.store.set_tags(call.bucket, call.key, tags))
    return Reply(200)


async def get_object_tagging(context: Context, call: Call) -> Reply:
    """GET /bucket/key?tagging."""
    info = context.store.entry(call.bucket, call.key)
    tags: list[Element] = [("Tag", [("Key", k), ("Value", v)]) for k, v in info.tags.items()]
    return xml_reply(document("Tagging", [("TagSet", tags)]))


async def delete_object_tagging(context: Context, call: Call) -> Reply:
    """DELETE /bucket/key?tagging."""
    await context.blocking(lambda: context.store.set_tags(call.bucket, call.key, {}))
    return Reply(204)
