"""The rule of final keys: one is written only where it is absent or the catalogue's own.

The look is the last request before the write. Where nothing stands, the write forbids to overwrite, so that an object
that appears in between survives (`x-oss-forbid-overwrite`). OSS has no such condition for a write over an own object,
and ignores the header in buckets with versions, which lose nothing by it.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from oss_audio_core.catalogue import own_objects
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.identity import OWNER_TAG, catalogue_uid
from oss_audio_core.catalogue.own_objects import OwnReason
from oss_audio_core.catalogue.sidecar_keys import is_sidecar, rendition_key
from oss_audio_core.catalogue.take_over import OCCUPIED
from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.error_classification import is_transient
from oss_audio_core.oss.sdk import Oss2Session
from oss_audio_core.pipeline import task_proof
from oss_audio_core.pipeline.object_tags import SOURCE_TAG

CODE = OCCUPIED
"""Code of a conversion that a final key is refused to."""

CONCURRENCY = 8
"""Objects whose tags are read at once."""

_TRIES = 3
"""Looks before a write is given up: each time something appeared at the key since the look."""

_FORBID = {"x-oss-forbid-overwrite": "true"}

T = TypeVar("T")


@dataclass(frozen=True)
class Standing:
    """An object that stands at a final key: size in bytes, time of its last write by OSS's clock."""

    key: str
    etag: str
    size: int
    modified_at: datetime | None

    @classmethod
    def of(cls, key: str, etag: str, size: int, modified: int | None) -> Standing:
        """Out of what oss2 gives."""
        return cls(key, etag.strip('"'), size, None if modified is None else datetime.fromtimestamp(modified, UTC))


@dataclass(frozen=True)
class Occupant:
    """An object at a final key that isn't the catalogue's own."""

    bucket: str
    standing: Standing
    is_source: bool

    def __str__(self) -> str:
        one = self.standing
        address = f"oss://{self.bucket}/{one.key}"
        written = "" if one.modified_at is None else f", written {one.modified_at:%Y-%m-%dT%H:%M:%SZ}"
        what = f"{one.size} bytes{written}, ETag {one.etag}"
        if self.is_source:
            return f"{address} is itself a source ({what}): give the rendition another target"
        return (
            f"at {address} stands an object that is not this catalogue's ({what}): give the rendition another target, "
            f"or have that object replaced by: oss-audio catalogue take-over {shlex.quote(address)}"
        )


class TargetOccupied(Exception):
    """A final key has an object that isn't the catalogue's own. Nothing was written."""

    def __init__(self, occupant: Occupant) -> None:
        super().__init__(str(occupant))
        self.occupant = occupant


class FinalKeys:
    """Looks at final keys, tells own objects from others, and writes where that is allowed. Threads may share it.

    Attributes:
        uid: of the catalogue.
    """

    def __init__(self, catalogue: Catalogue, settings: OssSettings, session: Oss2Session | None = None) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._session = settings.session(CONCURRENCY) if session is None else session
        self._tasks = settings.imm()
        with catalogue.read() as connection:
            self.uid = catalogue_uid(connection)

    def write(
        self, bucket: str, key: str, write: Callable[[Mapping[str, str]], T], *, pauses: Iterable[float] = ()
    ) -> T:
        """Write an object to a final key.

        Args:
            bucket: of the object.
            key: of the object.
            write: makes the request, with these headers besides its own.
            pauses: seconds before each further try of a write that may be made twice (`retry.PAUSES`). Something else
                may be put there meanwhile: each try has a look of its own.

        Returns:
            What `write` returned.

        Raises:
            TargetOccupied: nothing was written.
            oss2.exceptions.OssError, requests.RequestException: as the SDK raises it.
        """
        left, appeared = iter(pauses), 0
        while True:
            # Outside of the try: a look has retries of its own.
            standing = self.look(bucket, key)
            if standing is not None:
                self.refuse_others(bucket, [standing])
            try:
                return write(_FORBID if standing is None else {})
            except Exception as error:
                # Something appeared since the look: a copy of this catalogue's whose answer was lost, or another's.
                if getattr(error, "code", None) == "FileAlreadyExists":
                    appeared += 1
                    if appeared == _TRIES:
                        raise
                    continue
                pause = next(left, None)
                if pause is None or not is_transient(error):
                    raise
            time.sleep(pause)

    def refuse_occupied(self, bucket: str, key: str) -> None:
        """Look at a final key that something else is about to write.

        Raises:
            TargetOccupied: what stands there isn't the catalogue's own.
            oss2.exceptions.OssError, requests.RequestException: as the SDK raises it.
        """
        standing = self.look(bucket, key)
        if standing is not None:
            self.refuse_others(bucket, [standing])

    def look(self, bucket: str, key: str) -> Standing | None:
        """What stands at a key now: one HEAD."""
        import oss2

        try:
            head = self._settings.bucket(bucket, session=self._session).head_object(key)
        except oss2.exceptions.NotFound:
            return None
        return Standing.of(key, str(head.etag), int(head.content_length or 0), head.last_modified)

    def refuse_others(self, bucket: str, standing: Iterable[Standing]) -> None:
        """Raise `TargetOccupied` for the first of the objects that isn't the catalogue's own."""
        for occupant in self.others(bucket, standing):
            raise TargetOccupied(occupant)

    def others(self, bucket: str, standing: Iterable[Standing]) -> list[Occupant]:
        """Those of at most a thousand objects of a bucket that aren't the catalogue's own.

        An object at a conversion's target whose ETag is not known costs a request for its tags; where conversions
        write there at once, it costs one for each of their tasks, too. All else is known by the catalogue.
        """
        found = {one.key: one for one in standing}
        etags = {key: one.etag for key, one in found.items()}
        with self._catalogue.read() as connection:
            sources = own_objects.source_keys(connection, bucket, etags)
            # What was taken over may have become a source since: no proof of ownership counts against that.
            known = own_objects.known_keys(connection, bucket, etags) - sources
            unknown = {key: etag for key, etag in etags.items() if key not in known}
            contested = own_objects.contested_keys(connection, bucket, {_target(key) for key in unknown})
        own = self._proven(bucket, [found[key] for key in unknown if key not in sources and _target(key) in contested])
        return [Occupant(bucket, found[key], key in sources) for key in unknown if key not in own]

    def _proven(self, bucket: str, standing: list[Standing]) -> set[str]:
        """Keys of objects at targets of conversions that tags or a task prove to be the catalogue's own."""
        if len(standing) < 2:
            return {one.key for one in standing if self._is_proven(bucket, one)}
        with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="proof") as pool:
            own = list(pool.map(lambda one: self._is_proven(bucket, one), standing))
        return {one.key for one, mine in zip(standing, own, strict=True) if mine}

    def _is_proven(self, bucket: str, one: Standing) -> bool:
        import oss2

        try:
            answer: Any = self._settings.bucket(bucket, session=self._session).get_object_tagging(one.key)
        except oss2.exceptions.NoSuchKey:
            return False
        tags: Mapping[str, str] = answer.tag_set.tagging_rule
        with self._catalogue.read() as connection:
            if tags.get(OWNER_TAG) == self.uid and SOURCE_TAG in tags:
                return own_objects.explains(connection, bucket, _target(one.key), tags[SOURCE_TAG])
            tasks = own_objects.tasks_in_place(connection, bucket, one.key)
        if not task_proof.is_output(self._tasks, tasks, one.modified_at):
            return False
        with self._catalogue.write() as connection:
            own_objects.record(connection, bucket, {one.key: one.etag}, OwnReason.WRITTEN_IN_PLACE)
        return True


def _target(key: str) -> str:
    """The key of the rendition; for a sidecar, of the rendition that it belongs to."""
    return rendition_key(key) if is_sidecar(key) else key
