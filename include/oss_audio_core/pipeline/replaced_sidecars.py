"""Sidecars of replaced renditions: removed once their successors are published.

Rows recorded their keys. An object that something else has written to such a key since has not the catalogue's tag,
and stays. So does a sidecar of an earlier version, which gave sidecars no tag.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from oss_audio_core.catalogue import renditions
from oss_audio_core.catalogue.conversions import CHUNK
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.sidecar_keys import rendition_key
from oss_audio_core.catalogue.unneeded_objects import is_tagged
from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.sdk import Oss2Session
from oss_audio_core.pipeline.staged_objects import remove
from oss_audio_core.text.logs import get_logger

log = get_logger(__name__)


class ReplacedSidecars:
    """The sidecars that one publisher's renditions have replaced."""

    def __init__(self, catalogue: Catalogue, settings: OssSettings, session: Oss2Session, uid: str) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._session = session
        self._uid = uid
        self._uris: set[str] = set()

    def add(self, uris: Collection[str]) -> None:
        """Note the addresses (`oss://…`) of sidecars whose rendition was replaced."""
        self._uris.update(uris)

    def remove(self) -> None:
        """Remove those that no rendition has any more, and that the catalogue wrote: one request for each, to see."""
        keys_of: defaultdict[str, list[str]] = defaultdict(list)
        for uri in sorted(self._uris):
            bucket, _, key = uri.removeprefix("oss://").partition("/")
            keys_of[bucket].append(key)
        for bucket, keys in keys_of.items():
            for start in range(0, len(keys), CHUNK):
                self._remove(bucket, keys[start : start + CHUNK])

    def _remove(self, name: str, keys: Sequence[str]) -> None:
        with self._catalogue.read() as connection:
            kept = renditions.sidecar_uris(connection, name, {rendition_key(key) for key in keys})
        bucket = self._settings.bucket(name, session=self._session)
        gone = [key for key in keys if f"oss://{name}/{key}" not in kept]
        own = [key for key in gone if is_tagged(bucket, self._uid, key)]
        for key in set(gone).difference(own):
            log.info("oss://%s/%s was a sidecar and has no tag of this catalogue: it stays", name, key)
        if own:
            remove(bucket, own)
