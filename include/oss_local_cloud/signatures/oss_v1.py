"""Signature version 1 of OSS: HMAC-SHA1 over verb, MD5, type, date, `x-oss-*` headers and resource.

Rule: "Include a V1 signature in the Authorization header" and "... in a URL" of the OSS developer guide. The
sub-resources that belong to the resource are the ones the SDKs sign; alibabacloud-oss-v2 1.4.1 leaves
`x-oss-async-process` out, so its V1 submits are refused here, as OSS would refuse them.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode

from oss_local_cloud.signatures.request import RequestHead, signed_headers

SUBRESOURCES = frozenset(
    (
        "accessPoint",
        "accessPointPolicy",
        "acl",
        "append",
        "asyncFetch",
        "bucketArchiveDirectRead",
        "bucketInfo",
        "callback",
        "callback-var",
        "cloudboxes",
        "cname",
        "comp",
        "continuation-token",
        "cors",
        "delete",
        "encryption",
        "endTime",
        "group",
        "httpsConfig",
        "inventory",
        "inventoryId",
        "lifecycle",
        "link",
        "live",
        "location",
        "logging",
        "metaQuery",
        "objectInfo",
        "objectMeta",
        "partNumber",
        "policy",
        "position",
        "publicAccessBlock",
        "qos",
        "qosInfo",
        "qosRequester",
        "redundancyTransition",
        "referer",
        "regionList",
        "replication",
        "replicationLocation",
        "replicationProgress",
        "requestPayment",
        "requesterQosInfo",
        "resourceGroup",
        "resourcePool",
        "resourcePoolBuckets",
        "resourcePoolInfo",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "security-token",
        "sequential",
        "startTime",
        "stat",
        "status",
        "style",
        "styleName",
        "symlink",
        "tagging",
        "transferAcceleration",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "vod",
        "website",
        "worm",
        "wormExtend",
        "wormId",
        "x-oss-ac-forward-allow",
        "x-oss-ac-source-ip",
        "x-oss-ac-subnet-mask",
        "x-oss-ac-vpc-id",
        "x-oss-access-point-name",
        "x-oss-async-process",
        "x-oss-process",
        "x-oss-redundancy-transition-taskid",
        "x-oss-request-payer",
        "x-oss-target-redundancy-type",
        "x-oss-traffic-limit",
        "x-oss-write-get-object-response",
    )
)
"""Query parameters that are part of the signed resource; all others are not signed."""


def string_to_sign(request: RequestHead, date: str) -> bytes:
    """The string to sign; `date` is the Date header, or Expires of a presigned URL."""
    parameters = sorted((name, value) for name, value in request.query if name in SUBRESOURCES)
    resource = request.resource
    if parameters:
        resource += "?" + "&".join(f"{name}={value}" if value else name for name, value in parameters)
    head = "\n".join(
        (
            request.method,
            request.headers.get("content-md5", ""),
            request.headers.get("content-type", ""),
            date,
            "",
        )
    )
    return head.encode("latin-1") + signed_headers(request) + resource.encode()


def signature(secret: str, to_sign: bytes) -> str:
    """Base64 of the HMAC-SHA1."""
    return b64encode(hmac.digest(secret.encode(), to_sign, hashlib.sha1)).decode("ascii")
