"""Errors in the format of OSS: status, code, message, and the fine-grained EC where a page documents it.

Format and codes: "Error responses" of the OSS user guide. The guide advises clients not to branch on EC. It is sent
because clients print it.
"""

from __future__ import annotations

from collections.abc import Mapping

from oss_local_cloud.interfaces import NoSuchBucket, NoSuchKey, SymlinkTargetMissing, SymlinkToSymlink


class OssError(Exception):
    """An error response.

    Attributes:
        status: The HTTP status.
        code: The error code, such as `NoSuchKey`.
        message: The text of the element `Message`.
        ec: The fine-grained error code, empty when none is documented.
        details: Further elements of the XML document, such as Key or BucketName.
        headers: Further headers of the response.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        ec: str = "",
        details: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.ec = ec
        self.details = dict(details or {})
        self.headers = dict(headers or {})


LOOKUP_ERRORS = (NoSuchBucket, NoSuchKey, SymlinkTargetMissing, SymlinkToSymlink)
"""Errors of a lookup in the store."""


def lookup_error_response(error: NoSuchBucket | NoSuchKey | SymlinkTargetMissing | SymlinkToSymlink) -> OssError:
    """The error response for one of `LOOKUP_ERRORS`."""
    match error:
        case NoSuchBucket():
            message = "The specified bucket does not exist."
            return OssError(404, "NoSuchBucket", message, "0015-00000101", {"BucketName": error.bucket})
        case NoSuchKey():
            return OssError(404, "NoSuchKey", "The specified key does not exist.", "0026-00000001", {"Key": error.key})
        case SymlinkTargetMissing():
            message = "The symlink target object does not exist."
            return OssError(404, "SymlinkTargetNotExist", message, "0026-00000012", {"Key": error.key})
        case SymlinkToSymlink():
            message = "The symlink target object type is invalid: it is a symlink itself."
            return OssError(400, "InvalidTargetType", message, "", {"Key": error.key})


def not_implemented(operation: str) -> OssError:
    """501 NotImplemented, naming the operation the local cloud does not have."""
    return OssError(
        501,
        "NotImplemented",
        f"The local cloud does not implement {operation}; docs/local-cloud.md lists what it does.",
    )


def invalid_argument(name: str, value: str, message: str, ec: str = "") -> OssError:
    """400 InvalidArgument, naming the argument and its value."""
    return OssError(400, "InvalidArgument", message, ec, {"ArgumentName": name, "ArgumentValue": value})


def missing_argument(name: str, ec: str = "0016-00000502") -> OssError:
    """400 MissingArgument, naming the argument; the EC is the one of OSS's page on error responses."""
    return OssError(400, "MissingArgument", f"Missing Some Required Arguments: {name}.", ec, {"ArgumentName": name})


def malformed_xml(why: str) -> OssError:
    """400 MalformedXML."""
    return OssError(
        400,
        "MalformedXML",
        f"The XML you provided was not well-formed or did not validate against our published schema: {why}.",
    )
