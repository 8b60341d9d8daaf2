"""A folder of a bucket with renditions and their rows, for the comparison of catalogue and bucket."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import sqlalchemy as sa

from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.bucket_check import Difference, check
from oss_audio_core.catalogue.bucket_repair import delete
from oss_audio_core.catalogue.identity import catalogue_uid
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
        with self.catalogue.read() as connection:
            self.uid = catalogue_uid(connection)

    def publish(self, name: str, content: bytes = b"audio", *, crc64: bool = False) -> int:
        """Write a rendition, object and row. Returns its conversion's id."""
        key = f"{self.root}mp3/{name}"
        put = self.bucket.put_object(key, content)
        there = {"bucket": self.name, "key": key, "etag": put.etag, "size": len(content)}
        if crc64:
            there["crc64"] = str(put.crc)
        target = {"target_bucket": self.name, "target_key": key}
        return self.library.add(f"{self.root}in/{name}", asked=target, measured=there)

    def leave(self, name: str, content: bytes = b"left", *, tagged: bool = False) -> str:
        """Write an object that the catalogue published and that no row describes any more. Returns its key.

        Its conversion proves it by ETag or, where it is tagged, by the catalogue's tag alone.
        """
        key = f"{self.root}mp3/{name}"
        headers = {"x-oss-tagging": f"catalogue={self.uid}"} if tagged else {}
        etag = self.bucket.put_object(key, content, headers=headers).etag
        target = {"target_bucket": self.name, "target_key": key, "output_etag": None if tagged else etag}
        target["newest"] = False
        self.library.add(f"{self.root}in/{name}", f"old-{name}", state=State.SUPERSEDED, asked=target)
        return key

    def stage(self, key: str, *, state: State | None = None) -> int:
        """Write a staged object, below the catalogue's own staging folder; `state` is of a conversion that has it.

        `{id}` in the key is the conversion's id, which is returned.
        """
        source, asked = f"{secrets.token_hex(4)}.wav", {"target_bucket": self.name}
        row = self.library.add(source, state=state or State.SUPERSEDED, asked=asked)
        place = self.staged_at(key.format(id=row))
        self.bucket.put_object(place, b"x")
        if state is not None:
            values = {"output_bucket": self.name, "output_key": place}
            with self.catalogue.write() as connection:
                connection.execute(sa.update(conversion).where(conversion.c.id == row).values(**values))
        return row

    def staged_at(self, name: str) -> str:
        return f"{self.staging}{self.uid}/abcdef01/0/{name}"

    def check(self) -> list[Difference]:
        return list(check(self.catalogue, self.oss, staging=self.staging))

    def delete(self, chosen: list[Difference]) -> list[Difference]:
        return delete(self.catalogue, self.oss, chosen, staging=self.staging)

    def found(self) -> list[tuple[str, str]]:
        """Kind and place of every difference; the staging folder of the catalogue is shown as `own/`."""
        own = self.staged_at("")
        return [
            (one.kind.value, one.key.replace(own, f"{self.root}own/").removeprefix(self.root)) for one in self.check()
        ]

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
