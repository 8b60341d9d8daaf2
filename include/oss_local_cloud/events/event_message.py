"""The message of an object event, and the response headers that report its delivery.

Shape: "OSS event notifications" of the SMQ documentation. OSS sends the JSON as Base64; the key stands in it
as it is, not URL-encoded.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from oss_local_cloud.events.event_rules import GROUP, EventRule
from oss_local_cloud.events.write_origin import WriteOrigin
from oss_local_cloud.signatures.credentials import ACCOUNT_ID


@dataclass(frozen=True)
class WrittenObject:
    """An object after a write.

    Attributes:
        size: in bytes.
        delta: by how many bytes the object grew; negative when it shrank.
        moment: seconds since the epoch.
    """

    bucket: str
    key: str
    etag: str
    size: int
    delta: int
    moment: float


def event_text(written: WrittenObject, origin: WriteOrigin, rule: EventRule, region: str) -> str:
    """The message's body: Base64 of the JSON document."""
    described: dict[str, object] = {
        "deltaSize": written.delta,
        "eTag": written.etag,
        "key": written.key,
        "size": written.size,
    }
    if origin.operation == "AppendObject":
        described["position"] = written.size - written.delta
    event = {
        "eventName": f"{GROUP}:{origin.operation}",
        "eventSource": "acs:oss",
        "eventTime": _moment(written.moment),
        "eventVersion": "1.0",
        "oss": {
            "bucket": {
                "arn": f"acs:oss:{region}:{ACCOUNT_ID}:{written.bucket}",
                "name": written.bucket,
                "ownerIdentity": ACCOUNT_ID,
                "virtualBucket": "",
            },
            "object": described,
            "ossSchemaVersion": "1.0",
            "ruleId": rule.name,
        },
        "region": region,
        "requestParameters": {"sourceIPAddress": origin.source_address},
        "responseElements": {"requestId": origin.request_id},
        "userIdentity": {"principalId": ACCOUNT_ID},
    }
    return _base64({"events": [event]})


def status_headers(failure: str | None) -> dict[str, str]:
    """The headers of the response to a write that a rule covers.

    Both headers are documented: x-oss-process-status by SMQ, x-oss-event-status by OSS.

    Args:
        failure: why the event was not published; None when it was.
    """
    status = {
        "code": "Success" if failure is None else "Fail",
        "message": failure or "NotificationSucceed",
        "type": "EventNotification",
        "version": "1.0",
    }
    return {
        "x-oss-process-status": _base64(status),
        "x-oss-event-status": _base64({"Result": "Ok" if failure is None else failure}),
    }


def _base64(document: Mapping[str, object]) -> str:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(text.encode()).decode()


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
