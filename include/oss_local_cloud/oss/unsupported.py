"""Headers and query parameters that the local cloud doesn't implement, refused by name.

A header or parameter that OSS documents, and that would change what is stored, sent or allowed, is either implemented
or refused with 501. One that OSS doesn't know has no effect, as in OSS.
"""

from __future__ import annotations

from collections.abc import Mapping

from oss_local_cloud.oss.errors import not_implemented
from oss_local_cloud.oss.http_messages import OssRequest
from oss_local_cloud.signatures.oss_v1 import SUBRESOURCES

_ENCRYPTION = "server-side encryption"
_CALLBACKS = "upload callbacks"
_TRAFFIC_LIMITS = "traffic limits"
_RETENTION = "retention of single objects"
_VERSIONS = "versions of objects"

HEADERS: Mapping[str, str] = {
    "x-oss-server-side-encryption": _ENCRYPTION,
    "x-oss-server-side-encryption-key-id": _ENCRYPTION,
    "x-oss-server-side-data-encryption": _ENCRYPTION,
    "x-oss-callback": _CALLBACKS,
    "x-oss-callback-var": _CALLBACKS,
    "x-oss-traffic-limit": _TRAFFIC_LIMITS,
    "x-oss-object-worm-mode": _RETENTION,
    "x-oss-object-worm-retain-until-date": _RETENTION,
    "x-oss-persistent-headers": "persistent headers",
    "x-oss-process": "processing that a header asks for",
    "x-oss-resource-group-id": "resource groups",
}
"""Headers that are refused, and their features."""
_HEADER_NAMES = frozenset(HEADERS)

_NETWORKS = "presigned addresses for one network"
PARAMETERS: Mapping[str, str] = {
    "callback": _CALLBACKS,
    "callback-var": _CALLBACKS,
    "versionId": _VERSIONS,
    "sequential": "uploads with parts in sequence",
    "x-oss-traffic-limit": _TRAFFIC_LIMITS,
    "x-oss-ac-source-ip": _NETWORKS,
    "x-oss-ac-subnet-mask": _NETWORKS,
    "x-oss-ac-vpc-id": _NETWORKS,
    "x-oss-ac-forward-allow": _NETWORKS,
}
"""Parameters that are refused with any operation, and their features."""

_MODIFIERS = frozenset(
    {
        "continuation-token",
        "partNumber",
        "position",
        "security-token",
        "uploadId",
        "x-oss-request-payer",
        *(name for name in SUBRESOURCES if name.startswith("response-")),
    }
)
_UNSIGNED_SUBRESOURCES = frozenset(
    {
        "accessmonitor",
        "accessPointConfigForObjectProcess",
        "accessPointForObjectProcess",
        "accessPointPolicyForObjectProcess",
        "antiDDoS",
        "callbackPolicy",
        "cleanRestoredObject",
        "dataPipeline",
        "doMetaQuery",
        "img",
        "legalHold",
        "metadataConfiguration",
        "metadataInventoryTable",
        "metadataJournalTable",
        "MetaQuery",
        "objectWorm",
        "overwriteConfig",
        "policyStatus",
        "processConfiguration",
        "quota",
        "regions",
        "responseHeader",
        "retention",
        "rtc",
        "seal",
        "sealAppend",
        "userDefinedLogFieldsConfig",
        "x-oss-delete",
        "x-oss-dir",
        "x-oss-rename",
    }
)
"""Sub-resources of the documentation and the SDKs that the V1 signature doesn't cover."""
_SUBRESOURCES = (SUBRESOURCES | _UNSIGNED_SUBRESOURCES) - _MODIFIERS


def refuse_unsupported(request: OssRequest, parameter: str | None) -> None:
    """Refuse headers and parameters that are not implemented.

    Args:
        request: The request.
        parameter: The sub-resource of the operation.

    Raises:
        OssError: NotImplemented.
    """
    if not _HEADER_NAMES.isdisjoint(request.head.headers):
        header = min(_HEADER_NAMES.intersection(request.headers))
        raise not_implemented(f"{HEADERS[header]} ({header})")
    for name, _ in request.head.query:
        if name in PARAMETERS and name != parameter:
            raise not_implemented(f"{PARAMETERS[name]} ({name})")
        if name in _SUBRESOURCES and name != parameter:
            place = "/bucket/key" if request.key else "/" if request.head.bucket is None else "/bucket"
            raise not_implemented(f"{request.head.method} {place}?{name}")
