"""The uploads in parts that copies are made by: recorded in the catalogue before a part is copied, and aborted by it.

Uploads carry no tag, and anything may upload to a key. The record is what proves that an upload is the catalogue's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from oss_audio_core.catalogue import part_copies
from oss_audio_core.catalogue.conversions import CHUNK, Conversion
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.part_copies import PartCopy
from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.sdk import Oss2Session
from oss_audio_core.pipeline.part_copy import UploadRecord, abort


@dataclass(frozen=True)
class _Record:
    """Where the upload of one conversion's copy is recorded."""

    catalogue: Catalogue
    one: Conversion

    def begin(self, upload_id: str) -> None:
        upload = PartCopy(upload_id, self.one.target_bucket, self.one.target_key, self.one.id)
        with self.catalogue.write() as connection:
            part_copies.begin(connection, upload)

    def end(self, upload_id: str) -> None:
        with self.catalogue.write() as connection:
            part_copies.end(connection, [upload_id])


class PartUploads:
    """The uploads that a catalogue's publishers began."""

    def __init__(self, catalogue: Catalogue, settings: OssSettings, session: Oss2Session) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._session = session

    def record_of(self, one: Conversion) -> UploadRecord:
        """Where the upload is recorded that copies this conversion's output to its target."""
        return _Record(self._catalogue, one)

    def abort_of(self, conversion_ids: Collection[int]) -> None:
        """Abort every recorded upload of these conversions, and forget it.

        Raises:
            oss2.exceptions.OssError, requests.RequestException: OSS refused or can't be reached.
        """
        ids = sorted(conversion_ids)
        for start in range(0, len(ids), CHUNK):
            with self._catalogue.read() as connection:
                begun = part_copies.begun_for(connection, ids[start : start + CHUNK])
            for upload in begun:
                abort(self._settings.bucket(upload.bucket, session=self._session), upload.key, upload.upload_id)
                with self._catalogue.write() as connection:
                    part_copies.end(connection, [upload.upload_id])
