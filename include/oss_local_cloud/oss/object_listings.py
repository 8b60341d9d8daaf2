"""GetBucket (ListObjects) and ListObjectsV2."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import lru_cache

from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.buckets import OWNER
from oss_local_cloud.oss.encoding_type import Encode, key_encoder
from oss_local_cloud.oss.errors import invalid_argument
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse, iso_date, parse_integer, xml_response
from oss_local_cloud.oss.xml import Element, document, element, escape
from oss_local_cloud.store.object_listing import ListedObject, Page

MAX_KEYS, DEFAULT_KEYS = 1000, 100
MAX_PARAMETER_BYTES = 1024


async def list_objects(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /bucket: a page after `marker`."""
    encode, encoding_type = key_encoder(request)
    prefix, delimiter, limit = _common_parameters(request)
    marker = _text(request, "marker")
    page = await _page(context, request, prefix, delimiter, marker, limit)
    children: list[Element] = [
        ("Name", request.bucket),
        ("Prefix", encode(prefix)),
        ("Marker", encode(marker)),
        ("MaxKeys", str(limit)),
        ("Delimiter", encode(delimiter)),
        *encoding_type,
        ("IsTruncated", "false" if page.next_after is None else "true"),
    ]
    if page.next_after is not None:
        children.append(("NextMarker", encode(page.next_after)))
    return xml_response(document("ListBucketResult", children, _entries(page, encode, with_owner=True)))


async def list_objects_v2(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /bucket?list-type=2: a page after `continuation-token`, or after `start-after` at first."""
    if request.parameter("list-type") != "2":
        raise invalid_argument("list-type", request.parameter("list-type"), "The list-type must be 2.")
    encode, encoding_type = key_encoder(request)
    prefix, delimiter, limit = _common_parameters(request)
    fetch_owner = request.parameter("fetch-owner") or "false"
    if fetch_owner not in ("true", "false"):
        raise invalid_argument("fetch-owner", fetch_owner, "The fetch-owner must be true or false.")
    token, start_after = request.parameter("continuation-token"), _text(request, "start-after")
    after = _decode_token(token) if token else start_after
    page = await _page(context, request, prefix, delimiter, after, limit)
    children: list[Element] = [
        ("Name", request.bucket),
        ("Prefix", encode(prefix)),
        ("StartAfter", encode(start_after)),
        ("MaxKeys", str(limit)),
        ("Delimiter", encode(delimiter)),
        *encoding_type,
        ("IsTruncated", "false" if page.next_after is None else "true"),
        ("KeyCount", str(len(page.objects) + len(page.common_prefixes))),
    ]
    if token:
        children.append(("ContinuationToken", token))
    if page.next_after is not None:
        children.append(("NextContinuationToken", _encode_token(page.next_after)))
    return xml_response(
        document("ListBucketResult", children, _entries(page, encode, with_owner=fetch_owner == "true"))
    )


async def _page(context: ApiContext, request: OssRequest, prefix: str, delimiter: str, after: str, limit: int) -> Page:
    return await context.blocking(
        lambda: context.store.list(request.bucket, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
    )


def _common_parameters(request: OssRequest) -> tuple[str, str, int]:
    limit = parse_integer("max-keys", request.parameter("max-keys") or str(DEFAULT_KEYS), 1, MAX_KEYS)
    return _text(request, "prefix"), _text(request, "delimiter"), limit


def _text(request: OssRequest, name: str) -> str:
    value = request.parameter(name)
    if len(value.encode("utf-8", "surrogatepass")) > MAX_PARAMETER_BYTES:
        raise invalid_argument(name, value, f"The length of {name} must be less than 1024.")
    return value


def _entries(page: Page, encode: Encode, *, with_owner: bool) -> list[str]:
    """The objects and common prefixes of a page as XML, written directly because a page has up to 1,000 of them."""
    owner = element(*OWNER) if with_owner else ""
    contents = [_object(entry, escape(encode(entry.key)), owner) for entry in page.objects]
    return contents + [
        f"<CommonPrefixes><Prefix>{escape(encode(prefix))}</Prefix></CommonPrefixes>" for prefix in page.common_prefixes
    ]


def _object(entry: ListedObject, key: str, owner: str) -> str:
    """One object; only its key can have characters that XML escapes."""
    _, size, etag, last_modified, object_type, storage_class = entry
    return (
        f'<Contents><Key>{key}</Key><LastModified>{_iso_date(last_modified)}</LastModified><ETag>"{etag}"</ETag>'
        f"<Type>{object_type}</Type><Size>{size}</Size><StorageClass>{storage_class}</StorageClass>{owner}</Contents>"
    )


@lru_cache(maxsize=4096)
def _iso_date(seconds: int) -> str:
    return iso_date(datetime.fromtimestamp(seconds, UTC))


def _encode_token(after: str) -> str:
    """Base64 with `.` and `_` for its last two digits and, as in OSS's own tokens, `-` for padding."""
    return base64.b64encode(after.encode(), b"._").decode("ascii").replace("=", "-")


def _decode_token(token: str) -> str:
    """The entry after which the page begins."""
    try:
        return base64.b64decode(token.replace("-", "="), b"._", validate=True).decode()
    except ValueError:  # no Base64, not even ASCII, or no UTF-8 inside
        raise invalid_argument("continuation-token", token, "Invalid continuation token.") from None
