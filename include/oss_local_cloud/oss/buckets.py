"""GetService (ListBuckets) and the operations on buckets."""

from __future__ import annotations

from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.errors import OssError, invalid_argument, not_implemented
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse, iso_date, parse_integer, xml_response
from oss_local_cloud.oss.xml import Element, document, parse
from oss_local_cloud.signatures.credentials import ACCOUNT_ID
from oss_local_cloud.store.buckets import BucketInfo, BucketNotEmpty

OWNER: Element = ("Owner", [("ID", ACCOUNT_ID), ("DisplayName", ACCOUNT_ID)])
_PRIVATE: Element = ("AccessControlList", [("Grant", "private")])
_CLASSES_IN_STAT = {
    "Standard": "Standard",
    "IA": "InfrequentAccess",
    "Archive": "Archive",
    "ColdArchive": "ColdArchive",
    "DeepColdArchive": "DeepColdArchive",
}


async def list_buckets(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /: the account's buckets, paged by `marker` and `max-keys`, filtered by `prefix`."""
    prefix, marker = request.parameter("prefix"), request.parameter("marker")
    limit = parse_integer("max-keys", request.parameter("max-keys") or "100", 1, 1000)
    found = await context.blocking(lambda: context.store.buckets(prefix=prefix, after=marker, limit=limit + 1))
    page = found[:limit]
    children: list[Element] = []
    if len(found) > limit or prefix or marker:
        truncated = len(found) > limit
        children += [
            ("Prefix", prefix),
            ("Marker", marker),
            ("MaxKeys", str(limit)),
            ("IsTruncated", "true" if truncated else "false"),
            ("NextMarker", page[-1].name if truncated else ""),
        ]
    children += [OWNER, ("Buckets", [("Bucket", _bucket_elements(context, request, info)) for info in page])]
    return xml_response(document("ListAllMyBucketsResult", children))


async def put_bucket(context: ApiContext, request: OssRequest) -> OssResponse:
    """PUT /bucket: make a private Standard bucket. A bucket that exists is left unchanged, with 200."""
    _check_acl(request)
    body = await request.body()
    if body:
        configuration = parse(body, "CreateBucketConfiguration")
        if configuration.findtext("StorageClass", "Standard") != "Standard":
            raise not_implemented("storage classes other than Standard")
        if configuration.findtext("DataRedundancyType", "LRS") != "LRS":
            raise not_implemented("data redundancy types other than LRS")
    await context.blocking(lambda: context.store.create_bucket(request.bucket))
    return OssResponse(200, {"location": f"/{request.bucket}"})


async def delete_bucket(context: ApiContext, request: OssRequest) -> OssResponse:
    """DELETE /bucket: only an empty one."""
    try:
        await context.blocking(lambda: context.store.delete_bucket(request.bucket))
    except BucketNotEmpty:
        raise OssError(
            409,
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty.",
            details={"BucketName": request.bucket},
        ) from None
    return OssResponse(204)


async def get_bucket_info(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /bucket?bucketInfo."""
    info = context.store.bucket(request.bucket)
    elements = [
        *_bucket_elements(context, request, info),
        OWNER,
        _PRIVATE,
        ("DataRedundancyType", "LRS"),
        ("Comment", ""),
    ]
    return xml_response(document("BucketInfo", [("Bucket", elements)]))


async def get_bucket_location(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /bucket?location."""
    return xml_response(document("LocationConstraint", _location(context)))


async def get_bucket_acl(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /bucket?acl: always private."""
    return xml_response(document("AccessControlPolicy", [OWNER, _PRIVATE]))


async def put_bucket_acl(context: ApiContext, request: OssRequest) -> OssResponse:
    """PUT /bucket?acl: every bucket is `private`, so nothing changes."""
    _check_acl(request)
    return OssResponse(200)


async def get_bucket_stat(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /bucket?stat: objects and bytes, counted at the request. No storage class has a minimum billed size here."""
    usage = await context.blocking(lambda: context.store.bucket_usage(request.bucket))
    children: list[Element] = [
        ("Storage", str(sum(size for _, size in usage.values()))),
        ("ObjectCount", str(sum(count for count, _ in usage.values()))),
        ("MultipartUploadCount", str(context.store.uploads.count(request.bucket))),
        ("LiveChannelCount", "0"),
        ("LastModifiedTime", str(int(context.store.now().timestamp()))),
    ]
    for storage_class, name in _CLASSES_IN_STAT.items():
        count, size = usage.get(storage_class, (0, 0))
        children.append((f"{name}Storage", str(size)))
        if storage_class != "Standard":
            children.append((f"{name}RealStorage", str(size)))
        children.append((f"{name}ObjectCount", str(count)))
    return xml_response(document("BucketStat", children))


def require_bucket(context: ApiContext, request: OssRequest) -> None:
    """Check that the bucket exists, which OSS does before it verifies the signature.

    Raises:
        NoSuchBucket: There is no such bucket.
    """
    if request.head.bucket is not None:
        context.store.bucket(request.bucket)


def _check_acl(request: OssRequest) -> None:
    """Refuse ACLs other than private.

    Raises:
        OssError: InvalidArgument for an unknown ACL, NotImplemented for one that needs anonymous access.
    """
    acl = request.headers.get("x-oss-acl", "private")
    if acl in ("public-read", "public-read-write"):
        raise not_implemented("bucket ACLs other than private")
    if acl != "private":
        raise invalid_argument("x-oss-acl", acl, "no such bucket access control exists", "0015-00000204")


def _location(context: ApiContext) -> str:
    return f"oss-{context.region}"


def _bucket_elements(context: ApiContext, request: OssRequest, info: BucketInfo) -> list[Element]:
    return [
        ("Name", info.name),
        ("CreationDate", iso_date(info.created)),
        ("Location", _location(context)),
        ("Region", context.region),
        ("ExtranetEndpoint", request.endpoint),
        ("IntranetEndpoint", request.endpoint),
        ("StorageClass", "Standard"),
    ]
