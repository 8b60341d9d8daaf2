"""What is kept with an object besides its content, from request headers into the store and back."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from include.local_cloud.interfaces import ObjectInfo
from include.local_cloud.oss.errors import OssError, invalid_argument, not_implemented
from include.local_cloud.oss.http import Call, http_date
from include.local_cloud.store.records import Attributes

DEFAULT_CONTENT_TYPE = "application/octet-stream"
KEPT_HEADERS = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
LARGEST_METADATA_BYTES = 8 * 1024
MOST_TAGS, LONGEST_TAG_KEY, LONGEST_TAG_VALUE = 10, 128, 256

_TAG_PUNCTUATION = frozenset(" +-=._:/")
_REFUSED_HEADERS: Mapping[str, tuple[str, frozenset[str]]] = {
    "x-oss-server-side-encryption": ("server-side encryption", frozenset()),
    "x-oss-server-side-data-encryption": ("server-side encryption", frozenset()),
    "x-oss-callback": ("upload callbacks", frozenset()),
    "x-oss-traffic-limit": ("traffic limits", frozenset()),
    "x-oss-object-acl": ("object ACLs other than private", frozenset({"default", "private"})),
    "x-oss-storage-class": ("storage classes other than Standard", frozenset({"Standard"})),
}
_OVERRIDES = (
    "content-type",
    "content-language",
    "expires",
    "cache-control",
    "content-disposition",
    "content-encoding",
)


def refuse_unsupported_headers(headers: Mapping[str, str]) -> None:
    """Refuse what would otherwise be a silent loss; raises NotImplemented naming the feature."""
    for name, (feature, harmless) in _REFUSED_HEADERS.items():
        if name in headers and headers[name] not in harmless:
            raise not_implemented(feature)


def attributes_of(headers: Mapping[str, str]) -> Attributes:
    """Content headers, user metadata and tags of a PUT; raises OssError."""
    metadata = {
        name.removeprefix("x-oss-meta-"): value for name, value in headers.items() if name.startswith("x-oss-meta-")
    }
    if sum(len(name) + len(value) for name, value in metadata.items()) > LARGEST_METADATA_BYTES:
        raise OssError(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size.")
    return Attributes(
        content_type=headers.get("content-type") or DEFAULT_CONTENT_TYPE,
        headers={name: headers[name] for name in KEPT_HEADERS if headers.get(name)},
        metadata=metadata,
        tags=parse_tag_header(headers.get("x-oss-tagging", "")),
    )


def parse_tag_header(text: str) -> dict[str, str]:
    """`x-oss-tagging: k=v&k2=v2`, URL-encoded; raises InvalidTag."""
    pairs = parse_qsl(text, keep_blank_values=True) if text else []
    return check_tags(pairs)


def check_tags(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Tags within the limits of "Object tagging"; raises InvalidTag."""
    tags = dict(pairs)
    if len(tags) != len(pairs):
        raise _invalid_tag("a key occurs twice")
    if len(tags) > MOST_TAGS:
        raise _invalid_tag(f"{len(tags)} tags, allowed are {MOST_TAGS}")
    for key, value in tags.items():
        if not 1 <= len(key) <= LONGEST_TAG_KEY:
            raise _invalid_tag(f"a key has {len(key)} characters, allowed are 1 to {LONGEST_TAG_KEY}")
        if len(value) > LONGEST_TAG_VALUE:
            raise _invalid_tag(f"a value has {len(value)} characters, allowed are {LONGEST_TAG_VALUE}")
        if not all(c.isalnum() or c in _TAG_PUNCTUATION for c in key + value):
            raise _invalid_tag("letters, digits, spaces and + - = . _ : / are allowed")
    return tags


def etag_headers(info: ObjectInfo) -> dict[str, str]:
    """The headers that name a version of the content."""
    return {"etag": f'"{info.etag}"', "last-modified": http_date(info.last_modified)}


def object_headers(info: ObjectInfo) -> dict[str, str]:
    """All headers of a GET or HEAD answer that come from the object itself."""
    headers = {
        "content-type": info.content_type,
        "accept-ranges": "bytes",
        **etag_headers(info),
        "x-oss-object-type": info.object_type,
        "x-oss-storage-class": "Standard",
        "x-oss-hash-crc64ecma": str(info.crc64),
        **info.headers,
    }
    for name, value in info.metadata.items():
        headers["x-oss-meta-" + name] = value
    if info.tags:
        headers["x-oss-tagging-count"] = str(len(info.tags))
    return headers


def overridden_headers(call: Call) -> dict[str, str]:
    """Headers of a GET answer that its `response-*` parameters replace; raises InvalidArgument."""
    replaced = {}
    for name in _OVERRIDES:
        value = call.request.parameter("response-" + name)
        if value:
            if not value.isprintable():
                raise invalid_argument("response-" + name, value, "A header value must be printable.")
            replaced[name] = value.encode().decode("latin-1")
    return replaced


def _invalid_tag(why: str) -> OssError:
    return OssError(400, "InvalidTag", f"The tag you provided is invalid: {why}.")
