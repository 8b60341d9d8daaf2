"""Staged objects that are no longer to be published: removed with their sidecars, a thousand keys a request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from oss_audio_core.catalogue.conversions import CHUNK, Conversion, forget_outputs, shares_place
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.schema import batch_conversion, conversion, part_copy
from oss_audio_core.catalogue.states import State
from oss_audio_core.oss import OssSettings, with_retries
from oss_audio_core.oss.sdk import Oss2Session
from oss_audio_core.pipeline.part_uploads import PartUploads
from oss_audio_core.pipeline.sidecars import staged_sidecar_keys

_ROWS: sa.Select[Any] = sa.select(
    conversion.c.id,
    conversion.c.output_key,
    conversion.c.output_bucket,
    conversion.c.measured,
    conversion.c.target_bucket,
    conversion.c.target_key,
).where(conversion.c.publish == "staged")
"""Conversions whose output is staged. Those that are written to their final key at once are left out."""

_IS_STAGED = sa.and_(conversion.c.output_key.is_not(None), conversion.c.output_key != conversion.c.target_key)
"""Whether a row has an object at a staging key."""


class StagedObjects:
    """The staging keys of one publisher's conversions."""

    def __init__(self, catalogue: Catalogue, settings: OssSettings, session: Oss2Session) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._session = session
        self._uploads = PartUploads(catalogue, settings, session)

    def fence(self, one: Conversion) -> None:
        """Remove what older generations and former owners of the final key have staged.

        A stalled publisher of theirs finds no source any more.
        """
        # A copy in parts may still be completed long after its staged object was removed.
        left_something = sa.or_(_IS_STAGED, sa.exists().where(part_copy.c.conversion_id == conversion.c.id))
        older: dict[int, Row[Any]] = {}
        with self._catalogue.read() as connection:
            for same in shares_place(conversion, one):
                earlier = _ROWS.where(same, conversion.c.id < one.id, left_something)
                older.update((row.id, row) for row in connection.execute(earlier))
        staged = [row for row in older.values() if row.output_key not in {None, row.target_key}]
        self._remove(staged)
        # Parts that were copied before their source was removed don't need it any more.
        self._uploads.abort_of(older)
        self._forget(staged)

    def clear(self, batch_id: int, shard: int | None = None) -> None:
        """Remove the staged objects of a batch's or a shard's conversions that are published, superseded or dead.

        Copies in parts of theirs that broke off are aborted.

        Those of quarantined conversions stay for examination.
        """
        over = [state.value for state in (State.PUBLISHED, State.SUPERSEDED, State.DEAD)]
        statement = (
            _ROWS.where(sa.or_(_IS_STAGED, sa.exists().where(part_copy.c.conversion_id == conversion.c.id)))
            .join(batch_conversion, batch_conversion.c.conversion_id == conversion.c.id)
            .where(batch_conversion.c.batch_id == batch_id, conversion.c.state.in_(over))
            .order_by(batch_conversion.c.conversion_id)
            .limit(CHUNK)
        )
        if shard is not None:
            statement = statement.where(batch_conversion.c.shard == shard)
        after = 0
        while True:
            with self._catalogue.read() as connection:
                rows = connection.execute(statement.where(batch_conversion.c.conversion_id > after)).all()
            if not rows:
                return
            staged = [row for row in rows if row.output_key not in {None, row.target_key}]
            self._remove(staged)
            self._uploads.abort_of([row.id for row in rows])
            self._forget(staged)
            after = rows[-1].id

    def _remove(self, rows: Sequence[Row[Any]]) -> None:
        staged: defaultdict[str, list[str]] = defaultdict(list)
        for row in rows:
            staged[row.output_bucket] += [row.output_key, *staged_sidecar_keys(row.measured)]
        for name, keys in staged.items():
            remove(self._settings.bucket(name, session=self._session), keys)

    def _forget(self, rows: Sequence[Row[Any]]) -> None:
        outputs = [(row.id, row.output_key) for row in rows]
        for start in range(0, len(outputs), CHUNK):
            with self._catalogue.write() as connection:
                forget_outputs(connection, outputs[start : start + CHUNK])


def remove(bucket: Any, keys: Sequence[str]) -> None:
    """Remove objects of an `oss2.Bucket`, a thousand a request; a missing object is no error."""
    for start in range(0, len(keys), CHUNK):
        with_retries(partial(bucket.batch_delete_objects, keys[start : start + CHUNK]))
