"""Bucket and key of a request: path style and virtual-hosted style."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl, unquote_to_bytes

from oss_local_cloud.oss.errors import OssError
from oss_local_cloud.signatures.request import RequestHead

MAX_KEY_BYTES = 1023
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_IPV4 = re.compile(r"[0-9]+(\.[0-9]+){3}")


def parse_request_head(
    method: str, raw_path: bytes, query: bytes, headers: Mapping[str, str], own_names: Collection[str]
) -> RequestHead:
    """The head of a request; `raw_path` and `query` as they were sent.

    A `+` in a query value is a space: the asyncio SDK sends it for the `%20` it has signed.

    Raises:
        OssError: InvalidBucketName, InvalidObjectName.
    """
    bucket, key = split_path(raw_path, bucket_of_host(headers.get("host", ""), own_names))
    parameters = parse_qsl(query.decode("latin-1"), keep_blank_values=True) if query else []
    return RequestHead(method, bucket, key, parameters, headers)


def bucket_of_host(host: str, own_names: Collection[str]) -> str | None:
    """The bucket in a Host header such as `bucket.localhost:9000`; None when the path names it.

    An address, a name without a dot and the server's `own_names` never hold a bucket.
    """
    name = host.lower()
    if name.startswith("["):
        return None
    name = name.partition(":")[0]
    if "." not in name or name in own_names or _IPV4.fullmatch(name):
        return None
    return name.partition(".")[0]


def split_path(raw_path: bytes, host_bucket: str | None) -> tuple[str | None, str]:
    """Bucket and decoded key of a request path as it was sent.

    Path style: the first segment is the bucket; a `%2F` in the rest belongs to the key.

    Raises:
        OssError: InvalidBucketName, InvalidObjectName.
    """
    rest = raw_path[1:] if raw_path.startswith(b"/") else raw_path
    if host_bucket is not None:
        return check_bucket_name(host_bucket), check_key(rest)
    segment, _, rest = rest.partition(b"/")
    if not segment:
        return None, ""
    return check_bucket_name(unquote_to_bytes(segment).decode("utf-8", "replace")), check_key(rest)


def check_bucket_name(name: str) -> str:
    """The bucket name, checked.

    Raises:
        OssError: InvalidBucketName.
    """
    if not _BUCKET_NAME.fullmatch(name):
        raise OssError(
            400,
            "InvalidBucketName",
            "The specified bucket is not valid.",
            details={"BucketName": name},
        )
    return name


def check_key(encoded: bytes) -> str:
    """Decode and check a percent-encoded key; an empty one stays empty.

    Raises:
        OssError: InvalidObjectName.
    """
    content = unquote_to_bytes(encoded)
    try:
        key = content.decode()
    except UnicodeDecodeError:
        raise _invalid_name("it is not UTF-8") from None
    return check_decoded_key(key) if key else ""


def check_decoded_key(key: str) -> str:
    """The key, checked: 1 to 1,023 bytes that don't begin with a slash or backslash.

    Raises:
        OssError: InvalidObjectName.
    """
    size = len(key.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= MAX_KEY_BYTES:
        raise _invalid_name(f"it has {size} bytes, allowed are 1 to {MAX_KEY_BYTES}")
    if key[0] in "/\\":
        raise _invalid_name("it begins with a slash or a backslash")
    return key


def _invalid_name(reason: str) -> OssError:
    return OssError(400, "InvalidObjectName", f"The specified object is not valid: {reason}.")
