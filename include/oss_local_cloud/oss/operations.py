"""The table of operations of the object API: those that are implemented, and those that are refused by name.

An operation is selected by its resource (service, bucket, object), its method, and a sub-resource or header.
docs/local-cloud.md shows this table. A test compares the two.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from oss_local_cloud.oss import (
    buckets,
    multipart,
    multipart_listings,
    object_acl,
    object_append,
    object_copy,
    object_delete,
    object_listings,
    object_processing,
    object_restore,
    object_symlink,
    object_tagging,
    objects,
)
from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.errors import OssError, not_implemented
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse
from oss_local_cloud.oss.unsupported import refuse_unsupported

Handler = Callable[[ApiContext, OssRequest], Awaitable[OssResponse]]
Level = str
SERVICE, BUCKET, OBJECT = "service", "bucket", "object"


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        name: The operation's name in the documentation of OSS.
        level: The resource: SERVICE, BUCKET or OBJECT.
        method: The HTTP method.
        handler: The implementation. Without one the operation is refused with 501 and its name.
        parameter: The query parameter that selects it.
        header: The header that selects it, together with `parameter` when both are given.
        limitation: What the implementation lacks, if anything.
        looks_up_object: Whether its first step is to look its object up, which fails when there is no bucket.
    """

    name: str
    level: Level
    method: str
    handler: Handler | None = None
    parameter: str | None = None
    header: str | None = None
    limitation: str = ""
    looks_up_object: bool = False


def _refused() -> Iterator[Operation]:
    """Operations of the documentation that are not implemented."""
    for level, parameter, names in (
        (SERVICE, "regions", {"GET": "DescribeRegions"}),
        (SERVICE, "regionList", {"GET": "DescribeRegions"}),
        (BUCKET, "versions", {"GET": "ListObjectVersions"}),
        (BUCKET, "versioning", {"GET": "GetBucketVersioning", "PUT": "PutBucketVersioning"}),
        (BUCKET, "tagging", {"GET": "GetBucketTags", "PUT": "PutBucketTags", "DELETE": "DeleteBucketTags"}),
        *(
            (
                BUCKET,
                parameter,
                {"GET": f"GetBucket{noun}", "PUT": f"PutBucket{noun}", "DELETE": f"DeleteBucket{noun}"},
            )
            for parameter, noun in (
                ("cors", "Cors"),
                ("encryption", "Encryption"),
                ("inventory", "Inventory"),
                ("lifecycle", "Lifecycle"),
                ("logging", "Logging"),
                ("policy", "Policy"),
                ("publicAccessBlock", "PublicAccessBlock"),
                ("quota", "StorageQuota"),
                ("replication", "Replication"),
                ("website", "Website"),
            )
        ),
        *(
            (BUCKET, parameter, {"GET": f"GetBucket{noun}", "PUT": f"PutBucket{noun}"})
            for parameter, noun in (
                ("accessmonitor", "AccessMonitor"),
                ("bucketArchiveDirectRead", "ArchiveDirectRead"),
                ("httpsConfig", "HttpsConfig"),
                ("objectWorm", "ObjectWormConfiguration"),
                ("referer", "Referer"),
                ("requestPayment", "RequestPayment"),
                ("resourceGroup", "ResourceGroup"),
                ("transferAcceleration", "TransferAcceleration"),
            )
        ),
        (BUCKET, "cname", {"GET": "ListCname", "POST": "PutCname"}),
        (
            BUCKET,
            "metadataConfiguration",
            {
                "GET": "GetBucketMetadataConfiguration",
                "POST": "CreateBucketMetadataConfiguration",
                "DELETE": "DeleteBucketMetadataConfiguration",
            },
        ),
        (BUCKET, "metadataInventoryTable", {"PUT": "UpdateBucketMetadataInventoryTableConfiguration"}),
        (BUCKET, "metadataJournalTable", {"PUT": "UpdateBucketMetadataJournalTableConfiguration"}),
        (BUCKET, "metaQuery", {"GET": "GetMetaQueryStatus", "POST": "DoMetaQuery"}),
        (BUCKET, "style", {"GET": "GetStyle", "PUT": "PutStyle", "DELETE": "DeleteStyle"}),
        (
            BUCKET,
            "userDefinedLogFieldsConfig",
            {
                "GET": "GetUserDefinedLogFieldsConfig",
                "PUT": "PutUserDefinedLogFieldsConfig",
                "DELETE": "DeleteUserDefinedLogFieldsConfig",
            },
        ),
        (BUCKET, "worm", {"GET": "GetBucketWorm", "POST": "InitiateBucketWorm", "DELETE": "AbortBucketWorm"}),
        (OBJECT, "cleanRestoredObject", {"POST": "CleanRestoredObject"}),
        (OBJECT, "legalHold", {"GET": "GetObjectLegalHold", "PUT": "PutObjectLegalHold"}),
        (OBJECT, "retention", {"GET": "GetObjectRetention", "PUT": "PutObjectRetention"}),
        (OBJECT, "seal", {"POST": "SealAppendObject"}),
        (OBJECT, "sealAppend", {"POST": "SealAppendObject"}),
        (OBJECT, "x-oss-process", {"POST": "ProcessObject"}),
        (OBJECT, "asyncFetch", {"GET": "GetAsyncFetchTask", "POST": "PutAsyncFetchTask"}),
        (
            OBJECT,
            "versionId",
            {
                "GET": "GetObject of a version",
                "HEAD": "HeadObject of a version",
                "DELETE": "DeleteObject of a version",
            },
        ),
    ):
        for method, name in names.items():
            yield Operation(name, level, method, parameter=parameter)
    yield Operation("PostObject", BUCKET, "POST")
    yield Operation("OptionObject", BUCKET, "OPTIONS")
    yield Operation("OptionObject", OBJECT, "OPTIONS")


_PRIVATE_ONLY = "`private` only"
_PRIVATE_OBJECTS = "`default` and `private` only"

OPERATIONS: tuple[Operation, ...] = (
    Operation("ListBuckets", SERVICE, "GET", buckets.list_buckets),
    Operation("GetBucketInfo", BUCKET, "GET", buckets.get_bucket_info, "bucketInfo"),
    Operation("GetBucketLocation", BUCKET, "GET", buckets.get_bucket_location, "location"),
    Operation("GetBucketACL", BUCKET, "GET", buckets.get_bucket_acl, "acl", limitation=_PRIVATE_ONLY),
    Operation("PutBucketACL", BUCKET, "PUT", buckets.put_bucket_acl, "acl", limitation=_PRIVATE_ONLY),
    Operation("GetBucketStat", BUCKET, "GET", buckets.get_bucket_stat, "stat"),
    Operation("ListObjectsV2", BUCKET, "GET", object_listings.list_objects_v2, "list-type"),
    Operation("DeleteMultipleObjects", BUCKET, "POST", object_delete.delete_multiple_objects, "delete"),
    Operation("ListMultipartUploads", BUCKET, "GET", multipart_listings.list_multipart_uploads, "uploads"),
    Operation("InitiateMultipartUpload", OBJECT, "POST", multipart.initiate_multipart_upload, "uploads"),
    Operation("UploadPartCopy", OBJECT, "PUT", object_copy.upload_part_copy, "uploadId", "x-oss-copy-source"),
    Operation("UploadPart", OBJECT, "PUT", multipart.upload_part, "uploadId"),
    Operation("UploadPart", OBJECT, "PUT", multipart.upload_part, "partNumber"),
    Operation("CompleteMultipartUpload", OBJECT, "POST", multipart.complete_multipart_upload, "uploadId"),
    Operation("AbortMultipartUpload", OBJECT, "DELETE", multipart.abort_multipart_upload, "uploadId"),
    Operation("ListParts", OBJECT, "GET", multipart_listings.list_parts, "uploadId"),
    Operation("AppendObject", OBJECT, "POST", object_append.append_object, "append"),
    Operation("PutSymlink", OBJECT, "PUT", object_symlink.put_symlink, "symlink"),
    Operation("GetSymlink", OBJECT, "GET", object_symlink.get_symlink, "symlink"),
    Operation("PutObjectACL", OBJECT, "PUT", object_acl.put_object_acl, "acl", limitation=_PRIVATE_OBJECTS),
    Operation("GetObjectACL", OBJECT, "GET", object_acl.get_object_acl, "acl", limitation=_PRIVATE_OBJECTS),
    Operation("RestoreObject", OBJECT, "POST", object_restore.restore_object, "restore"),
    Operation("AsyncProcessObject", OBJECT, "POST", object_processing.async_process_object, "x-oss-async-process"),
    Operation(
        "GetObject with x-oss-process",
        OBJECT,
        "GET",
        object_processing.get_object_processed,
        "x-oss-process",
        limitation="`audio/info` only",
    ),
    Operation("GetObjectMeta", OBJECT, "HEAD", objects.get_object_meta, "objectMeta", looks_up_object=True),
    Operation("GetObjectTagging", OBJECT, "GET", object_tagging.get_object_tagging, "tagging"),
    Operation("PutObjectTagging", OBJECT, "PUT", object_tagging.put_object_tagging, "tagging"),
    Operation("DeleteObjectTagging", OBJECT, "DELETE", object_tagging.delete_object_tagging, "tagging"),
    *_refused(),
    Operation(
        "CopyObject",
        OBJECT,
        "PUT",
        object_copy.copy_object,
        header="x-oss-copy-source",
        limitation="up to 1 GiB, as OSS; no versions, no encryption",
    ),
    Operation(
        "PutBucket",
        BUCKET,
        "PUT",
        buckets.put_bucket,
        limitation="private, Standard, LRS only; a bucket made by it is bound to no IMM project",
    ),
    Operation("DeleteBucket", BUCKET, "DELETE", buckets.delete_bucket),
    Operation("ListObjects", BUCKET, "GET", object_listings.list_objects),
    Operation(
        "PutObject",
        OBJECT,
        "PUT",
        objects.put_object,
        limitation="no encryption, callback, traffic limit or public ACL",
    ),
    Operation("GetObject", OBJECT, "GET", objects.get_object, limitation="one range at a time", looks_up_object=True),
    Operation("HeadObject", OBJECT, "HEAD", objects.head_object, looks_up_object=True),
    Operation("DeleteObject", OBJECT, "DELETE", object_delete.delete_object),
)

_BY_SELECTOR: dict[tuple[Level, str], list[Operation]] = {}
_WITHOUT_SELECTOR: dict[tuple[Level, str], Operation] = {}
for _operation in OPERATIONS:
    if _operation.parameter or _operation.header:
        _BY_SELECTOR.setdefault((_operation.level, _operation.method), []).append(_operation)
    else:
        _WITHOUT_SELECTOR[_operation.level, _operation.method] = _operation


def find(request: OssRequest) -> Operation:
    """The operation of a request.

    Raises:
        OssError: MethodNotAllowed when there is none.
    """
    head = request.head
    level = SERVICE if head.bucket is None else OBJECT if head.key else BUCKET
    resource = (level, head.method)
    if head.query or "x-oss-copy-source" in head.headers:
        names = {name for name, _ in head.query}
        for operation in _BY_SELECTOR.get(resource, ()):
            matches = operation.parameter is None or operation.parameter in names
            if matches and (operation.header is None or operation.header in head.headers):
                return operation
    try:
        return _WITHOUT_SELECTOR[resource]
    except KeyError:
        raise OssError(
            405,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            details={"Method": head.method, "ResourceType": level.capitalize()},
        ) from None


async def perform(operation: Operation, context: ApiContext, request: OssRequest) -> OssResponse:
    """Perform an operation.

    Raises:
        OssError: NotImplemented for a refused operation, header or parameter, and the operation's own errors.
    """
    if operation.handler is None:
        raise not_implemented(operation.name)
    refuse_unsupported(request, operation.parameter)
    return await operation.handler(context, request)
