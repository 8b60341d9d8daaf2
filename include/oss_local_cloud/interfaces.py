"""The interfaces between the object store and the conversion service.

The OSS application holds an `AsyncProcessor` it submits to; the conversion service holds an `ObjectStore` it
reads sources from and writes renditions to. Neither imports the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol


class NoSuchBucket(LookupError):
    """The bucket named `bucket` does not exist."""

    def __init__(self, bucket: str) -> None:
        super().__init__(f"The specified bucket does not exist: {bucket}")
        self.bucket = bucket


class NoSuchKey(LookupError):
    """The bucket exists, the object named `key` in it does not."""

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"The specified key does not exist: {bucket}/{key}")
        self.bucket = bucket
        self.key = key


class ImmClientError(Exception):
    """A request IMM refused; OSS answers it as the code `Imm Client` with IMM's own status and message.

    `status` is the HTTP status; `message` is the sentence OSS puts into <Message>, for example
    `InvalidArgument, [target]:is required.`
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


ARCHIVED = frozenset({"Archive", "ColdArchive", "DeepColdArchive"})
"""Storage classes whose objects must be restored before they can be read."""


class SymlinkTargetMissing(LookupError):
    """The object named `key` is a link, and there is no object at its `target`."""

    def __init__(self, key: str, target: str) -> None:
        super().__init__(f"The symlink target object does not exist: {key} -> {target}")
        self.key = key
        self.target = target


class SymlinkToSymlink(Exception):
    """The object named `key` is a link to another link, which OSS does not follow."""

    def __init__(self, key: str, target: str) -> None:
        super().__init__(f"The symlink target is a symlink itself: {key} -> {target}")
        self.key = key
        self.target = target


class ObjectInfo(NamedTuple):
    """One stored object as it was when it was looked up.

    `etag` is in upper-case hex without quotes (the MD5 of the content when `has_md5_etag`), `size` is in bytes,
    `last_modified` is in UTC (whole seconds), `crc64` is the unsigned CRC-64/XZ of the content. `file` names a file
    of which these `size` bytes never change (only an Appendable object's file grows): a later overwrite makes
    another file, but an object overwritten or deleted has its file removed, so a reader opens it soon (an open
    file stays readable). `headers` are the other content headers kept with the object (Cache-Control,
    Content-Disposition, Content-Encoding, Expires …).

    An archived object that is being restored, or was, is readable from `restored_from` until `restored_until`.
    A link names its target in `symlink_target`.
    """

    bucket: str
    key: str
    etag: str
    size: int
    last_modified: datetime
    content_type: str
    crc64: int
    file: str
    tags: Mapping[str, str]
    metadata: Mapping[str, str]
    headers: Mapping[str, str] = MappingProxyType({})
    object_type: str = "Normal"
    storage_class: str = "Standard"
    acl: str = "default"
    symlink_target: str | None = None
    restored_from: datetime | None = None
    restored_until: datetime | None = None

    @property
    def path(self) -> Path:
        """The file as a path."""
        return Path(self.file)

    @property
    def has_md5_etag(self) -> bool:
        """Whether the ETag is the MD5 of the content: of what was written in one piece it is."""
        return "-" not in self.etag and self.object_type != "Appendable"

    def is_frozen(self, now: datetime) -> bool:
        """Whether it is archived and not restored, so that it can't be read."""
        if self.storage_class not in ARCHIVED:
            return False
        return not (self.restored_from and self.restored_until and self.restored_from <= now < self.restored_until)


class ObjectStore(Protocol):
    """The object store as the conversion service sees it.

    Every method blocks on the disk and may be called from any thread.
    """

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Look an object up, through a link to its target.

        Raises:
            NoSuchBucket: The bucket does not exist.
            NoSuchKey: The object does not exist.
            SymlinkTargetMissing: The object is a link to an object that does not exist.
            SymlinkToSymlink: The object is a link to another link.
        """

    def put_file(self, bucket: str, key: str, source: Path, *, content_type: str) -> ObjectInfo:
        """Move `source`, a finished file below `scratch()`, in as an object, atomically and durably.

        Returns when the object would survive a loss of power.

        Raises:
            NoSuchBucket: The bucket does not exist. `source` is left as it is.
        """

    def scratch(self) -> Path:
        """A directory on the store's file system for files being written; emptied when the store opens."""

    def bind_imm_project(self, bucket: str, project: str | None) -> None:
        """Bind a bucket to an IMM project, or to none. Raises NoSuchBucket."""

    def imm_project(self, bucket: str) -> str | None:
        """The IMM project the bucket is bound to, None when it is bound to none. Raises NoSuchBucket."""


@dataclass(frozen=True)
class Submitted:
    """A conversion that was accepted and will be finished, even over a restart."""

    event_id: str
    request_id: str
    task_id: str


class AsyncProcessor(Protocol):
    """Runs `x-oss-async-process` requests."""

    async def submit(self, bucket: str, key: str, process: str) -> Submitted:
        """Accept the conversion `process` of an object.

        The caller has checked the signature, the bucket and the key.

        Raises:
            ImmClientError: The request is refused.
        """

    async def audio_info(self, bucket: str, key: str) -> dict[str, object]:
        """The response of `audio/info` about an object, ready for JSON.

        Raises:
            ImmClientError: The request is refused, or the object has no audio.
        """
