"""Content headers, user metadata, tags, storage class and ACL of an object: parsed from and written to headers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from oss_local_cloud.interfaces import ARCHIVED, ObjectInfo
from oss_local_cloud.oss.errors import OssError, invalid_argument, not_implemented
from oss_local_cloud.oss.http_messages import OssRequest, http_date
from oss_local_cloud.store.object_rows import ObjectAttributes

DEFAULT_CONTENT_TYPE = "application/octet-stream"
KEPT_HEADERS = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
MAX_METADATA_BYTES = 8 * 1024
MAX_TAGS, MAX_TAG_KEY_LENGTH, MAX_TAG_VALUE_LENGTH = 10, 128, 256

_TAG_PUNCTUATION = frozenset(" +-=._:/")
STORAGE_CLASSES = frozenset({"Standard", "IA"}) | ARCHIVED
_OVERRIDES = (
    "content-type",
    "content-language",
    "expires",
    "cache-control",
    "content-disposition",
    "content-encoding",
)


def parse_object_attributes(headers: Mapping[str, str]) -> ObjectAttributes:
    """Attributes in the headers of a write request.

    Raises:
        OssError: MetadataTooLarge, InvalidTag, InvalidArgument, NotImplemented.
    """
    metadata = {
        name.removeprefix("x-oss-meta-"): value for name, value in headers.items() if name.startswith("x-oss-meta-")
    }
    if sum(len(name) + len(value) for name, value in metadata.items()) > MAX_METADATA_BYTES:
        raise OssError(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size.")
    return ObjectAttributes(
        content_type=headers.get("content-type") or DEFAULT_CONTENT_TYPE,
        headers={name: headers[name] for name in KEPT_HEADERS if headers.get(name)},
        metadata=metadata,
        tags=parse_tag_header(headers.get("x-oss-tagging", "")),
        storage_class=_storage_class(headers),
        acl=check_acl(headers.get("x-oss-object-acl", "default")),
    )


def check_acl(acl: str) -> str:
    """The ACL, checked.

    Raises:
        OssError: InvalidArgument for an unknown ACL, NotImplemented for a public one.
    """
    if acl in ("public-read", "public-read-write"):
        raise not_implemented("object ACLs other than private")
    if acl not in ("default", "private"):
        message = "The object ACL must be default, private, public-read or public-read-write."
        raise invalid_argument("x-oss-object-acl", acl, message, "0017-00000104" if acl else "0017-00000105")
    return acl


def _storage_class(headers: Mapping[str, str]) -> str:
    name = headers.get("x-oss-storage-class", "Standard")
    if name not in STORAGE_CLASSES:
        raise invalid_argument(
            "x-oss-storage-class", name, f"The storage class must be one of {', '.join(sorted(STORAGE_CLASSES))}."
        )
    return name


def parse_tag_header(text: str) -> dict[str, str]:
    """Parse `x-oss-tagging: k=v&k2=v2`, URL-encoded.

    Raises:
        OssError: InvalidTag.
    """
    pairs = parse_qsl(text, keep_blank_values=True) if text else []
    return check_tags(pairs)


def check_tags(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Tags within the limits of the page "Object tagging".

    Raises:
        OssError: InvalidTag.
    """
    tags = dict(pairs)
    if len(tags) != len(pairs):
        raise _invalid_tag("a key occurs twice")
    if len(tags) > MAX_TAGS:
        raise _invalid_tag(f"{len(tags)} tags, allowed are {MAX_TAGS}")
    for key, value in tags.items():
        if not 1 <= len(key) <= MAX_TAG_KEY_LENGTH:
            raise _invalid_tag(f"a key has {len(key)} characters, allowed are 1 to {MAX_TAG_KEY_LENGTH}")
        if len(value) > MAX_TAG_VALUE_LENGTH:
            raise _invalid_tag(f"a value has {len(value)} characters, allowed are {MAX_TAG_VALUE_LENGTH}")
        if not all(c.isalnum() or c in _TAG_PUNCTUATION for c in key + value):
            raise _invalid_tag("letters, digits, spaces and + - = . _ : / are allowed")
    return tags


def etag_headers(info: ObjectInfo) -> dict[str, str]:
    """The headers that name a version of the content."""
    return {"etag": f'"{info.etag}"', "last-modified": http_date(info.last_modified)}


def object_headers(info: ObjectInfo, now: datetime) -> dict[str, str]:
    """Headers of a GET or HEAD response that describe the object at the time `now`."""
    headers = {
        "content-type": info.content_type,
        "accept-ranges": "bytes",
        **etag_headers(info),
        "x-oss-object-type": info.object_type,
        "x-oss-storage-class": info.storage_class,
        "x-oss-hash-crc64ecma": str(info.crc64),
        **info.headers,
    }
    for name, value in info.metadata.items():
        headers["x-oss-meta-" + name] = value
    if info.tags:
        headers["x-oss-tagging-count"] = str(len(info.tags))
    if info.object_type == "Appendable":
        headers["x-oss-next-append-position"] = str(info.size)
    if info.restored_from and info.restored_until and now < info.restored_until:
        expiry = f', expiry-date="{http_date(info.restored_until)}"'
        ongoing = now < info.restored_from
        headers["x-oss-restore"] = 'ongoing-request="true"' if ongoing else f'ongoing-request="false"{expiry}'
    return headers


def overridden_headers(request: OssRequest) -> dict[str, str]:
    """Headers of a GET response that its `response-*` parameters replace.

    Raises:
        OssError: InvalidArgument.
    """
    replaced = {}
    for name in _OVERRIDES:
        value = request.head.parameter("response-" + name)
        if value:
            if not value.isprintable():
                raise invalid_argument("response-" + name, value, "A header value must be printable.")
            replaced[name] = value.encode().decode("latin-1")
    return replaced


def _invalid_tag(reason: str) -> OssError:
    return OssError(400, "InvalidTag", f"The tag you provided is invalid: {reason}.")
