"""Errors as OSS writes them: status, code, message, and the fine-grained EC where a page documents it.

Shape and codes: "Error responses" of the OSS user guide. Nobody should branch on EC (the guide says so); it
is here because clients print it.
"""

from __future__ import annotations

from collections.abc import Mapping

from include.local_cloud.interfaces import NoSuchBucket, NoSuchKey


class OssError(Exception):
    """An error answer; `details` are further elements of its XML, such as Key or BucketName."""

    def __init__(
        self, status: int, code: str, message: str, ec: str = "", details: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.ec = ec
        self.details = dict(details or {})


def no_such_bucket(error: NoSuchBucket) -> OssError:
    """404 NoSuchBucket."""
    return OssError(
        404,
        "NoSuchBucket",
        "The specified bucket does not exist.",
        "0015-00000101",
        {"BucketName": error.bucket},
    )


def no_such_key(error: NoSuchKey) -> OssError:
    """404 NoSuchKey."""
    return OssError(404, "NoSuchKey", "The specified key does not exist.", "0026-00000001", {"Key": error.key})


def not_implemented(operation: str) -> OssError:
    """501 NotImplemented, naming the operation the local cloud does not do."""
    return OssError(
        501,
        "NotImplemented",
        f"The local cloud does not implement {operation}; docs/local-cloud.md lists what it does.",
    )


def invalid_argument(name: str, value: str, message: str) -> OssError:
    """400 InvalidArgument, naming the argument and its value."""
    return OssError(400, "InvalidArgument", message, "", {"ArgumentName": name, "ArgumentValue": value})


def malformed_xml(why: str) -> OssError:
    """400 MalformedXML."""
    return OssError(
        400,
        "MalformedXML",
        f"The XML you provided was not well-formed or did not validate against our published schema: {why}.",
    )
