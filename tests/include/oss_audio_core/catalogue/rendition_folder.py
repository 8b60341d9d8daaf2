"""A folder of a bucket with renditions and their rows, for the comparison of catalogue and bucket."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import sqlalchemy as sa

from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.bucket_check import Difference, check
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.oss import OssSettings

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library


class RenditionFolder:
    """A folder of the bucket of this test's own, with renditions and their rows."""

    def __init__(self, library: Library, oss: OssSettings, bucket: str) -> None:
        self.library = library
        self.catalogue = library.catalogue
        self.oss = oss
        self.name = bucket
        self.bucket = oss.bucket(bucket)
        self.root = f"check-{secrets.token_hex(4)}/"
        self.staging = f"{self.root}.staging/"

    def publish(self, name: str, content: bytes = b"audio", *, crc64: bool = False) -> int:
        """Write a rendition, object and row. Returns its conversion's id."""
        key = f"{self.root}mp3/{name}"
        put = self.bucket.put_object(key, content)
        there = {"bucket": self.name, "key": key, "etag": put.etag, "size": len(content)}
        if crc64:
            there["crc64"] = str(put.crc)
        target = {"target_bucket": self.name, "target_key": key}
        return self.library.add(f"{self.root}in/{name}", asked=target, measured=there)

    def check(self) -> list[Difference]:
        return list(check(self.catalogue, self.oss, staging=self.staging))

    def found(self) -> list[tuple[str, str]]:
        return [(one.kind.value, one.key.removeprefix(self.root)) for one in self.check()]

    def states(self) -> list[State]:
        with self.catalogue.read() as connection:
            return [State(one) for one in connection.scalars(sa.select(conversion.c.state).order_by(conversion.c.id))]

    def keys(self) -> list[str]:
        listed = self.bucket.list_objects_v2(prefix=self.root, max_keys=1000).object_list
        return [one.key.removeprefix(self.root) for one in listed]


def rewrite(folder: RenditionFolder, name: str) -> None:
    """The same bytes under another ETag: as parts."""
    key = f"{folder.root}mp3/{name}"
    content = folder.bucket.get_object(key).read()
    upload = folder.bucket.init_multipart_upload(key).upload_id
    part = folder.bucket.upload_part(key, upload, 1, content)
    import oss2

    folder.bucket.complete_multipart_upload(key, upload, [oss2.models.PartInfo(1, part.etag)])
