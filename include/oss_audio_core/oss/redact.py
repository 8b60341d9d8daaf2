"""Take credentials out of texts that others wrote (services' messages, SDKs' exceptions).

Error bodies of OSS, SMQ and IMM quote what was sent: `SignatureDoesNotMatch` carries the string to sign and
the access key id, IMM's RPC error the whole canonical query, and SDK exceptions carry presigned addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "***"

_PATTERNS: tuple[re.Pattern[str], ...] = (
    # Query parameters, form fields and headers that hold a credential or a signature.
    re.compile(
        r"(?i)((?:oss-?access-?key-?id|access-?key-?(?:id|secret)|secret(?:-?access)?-?key|signature|credential"
        r"|(?:x-(?:oss|acs)-)?(?:security|session)-?token|x-oss-(?:signature|credential|access-key-id)|stringtosign)"
        r"[\"']?\s*(?:=|:|%3D)\s*[\"']?)([^\s\"'&,;<>)}\]]+)"
    ),
    # The same as XML elements.
    re.compile(
        r"(?i)(<(OSSAccessKeyId|StringToSign|StringToSignBytes|CanonicalRequest|CanonicalRequestBytes"
        r"|SignatureProvided|SecurityToken)>).*?(?=</\2>)",
        re.DOTALL,
    ),
    # Authorization values: `OSS id:signature`, `MNS id:signature`, `OSS4-HMAC-SHA256 Credential=…`.
    re.compile(r"((?:\bOSS2?|\bMNS)\s+)([A-Za-z0-9._-]{3,}:[A-Za-z0-9+/=]{16,})"),
    # Access key ids as Alibaba Cloud issues them (LTAI…, and STS. for temporary ones), wherever they stand.
    re.compile(r"()\b(?:LTAI[A-Za-z0-9]{8,}|STS\.[A-Za-z0-9]{8,})"),
)


def redact(text: str, secrets: Iterable[str | None] = ()) -> str:
    """Return `text` with access keys, signatures and tokens replaced by `***`.

    Args:
        text: what a service or an SDK said.
        secrets: values known to be secret here (key id, key secret, token); each occurrence is hidden.
    """
    for secret in sorted({s for s in secrets if s}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text
