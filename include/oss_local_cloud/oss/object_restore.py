"""RestoreObject: make an archived object readable for some days."""

from __future__ import annotations

from datetime import timedelta

from oss_local_cloud.interfaces import ARCHIVED
from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.errors import OssError, malformed_xml
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse
from oss_local_cloud.oss.xml import parse

RESTORE_DURATION = timedelta(seconds=2)
"""Time until a restored object is readable. OSS takes a minute (Archive) to two days (DeepColdArchive)."""
MAX_RESTORE_DAYS = {"Archive": 7, "ColdArchive": 365, "DeepColdArchive": 365}
_TIERS = ("Expedited", "Standard", "Bulk")


async def restore_object(context: ApiContext, request: OssRequest) -> OssResponse:
    """POST /bucket/key?restore: 202 when it begins, 200 when a restored object stays readable longer."""
    days, tier = _parse_restore_request(await request.body())
    info = context.store.entry(request.bucket, request.key)
    if info.storage_class not in ARCHIVED:
        raise OssError(
            400,
            "OperationNotSupported",
            f"The operation is not supported for this resource: its storage class is {info.storage_class}.",
        )
    if not 1 <= days <= MAX_RESTORE_DAYS[info.storage_class]:
        raise malformed_xml(f"{info.storage_class} takes 1 to {MAX_RESTORE_DAYS[info.storage_class]} Days, not {days}")
    now, since = context.store.now(), info.restored_from
    if since is not None and now < since:
        raise OssError(409, "RestoreAlreadyInProgress", "The restore operation is in progress.")
    readable = since is not None and not info.is_frozen(now)
    if since is None or not readable:
        since = now + RESTORE_DURATION
    until = max(now, since) + timedelta(days=days)
    await context.blocking(lambda: context.store.set_restored(request.bucket, request.key, since, until))
    headers = {} if info.storage_class == "Archive" else {"x-oss-object-restore-priority": tier}
    return OssResponse(200 if readable else 202, headers)


def _parse_restore_request(body: bytes) -> tuple[int, str]:
    """Days and priority of a RestoreRequest; one day when the body is empty.

    Raises:
        OssError: MalformedXML.
    """
    if not body:
        return 1, "Standard"
    root = parse(body, "RestoreRequest")
    days = (root.findtext("Days") or "1").strip()
    tier = (root.findtext("JobParameters/Tier") or "Standard").strip()
    if not (days.isascii() and days.isdigit() and len(days) <= 4):
        raise malformed_xml("Days must be a whole number")
    if tier not in _TIERS:
        raise malformed_xml(f"Tier must be one of {', '.join(_TIERS)}")
    return int(days), tier
