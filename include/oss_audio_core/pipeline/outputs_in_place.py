"""Outputs that the service wrote to their final keys at once: their ETags are recorded when they are done.

The service gives them no tags, so that nothing else tells them from an object that replaces one of them later, once IMM
has forgotten the task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from oss_audio_core.catalogue import own_objects
from oss_audio_core.catalogue.conversions import CHUNK
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.own_objects import OwnReason
from oss_audio_core.catalogue.progress import ShardKey
from oss_audio_core.catalogue.schema import batch_conversion, conversion
from oss_audio_core.catalogue.states import State
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.target_look import Target, standing_objects

Outputs = Mapping[str, Mapping[str, str]]
"""ETags of objects, by bucket and key."""


def converted_in_place(catalogue: Catalogue, shard: ShardKey) -> list[Target]:
    """The final keys that the converted outputs of a shard were written to at once."""
    batch, number = shard
    statement = (
        sa.select(conversion.c.target_bucket, conversion.c.target_key)
        .join(batch_conversion, batch_conversion.c.conversion_id == conversion.c.id)
        .where(batch_conversion.c.batch_id == batch, batch_conversion.c.shard == number)
        .where(conversion.c.publish == "direct", conversion.c.state == State.CONVERTED.value)
    )
    with catalogue.read() as connection:
        return [(bucket, key) for bucket, key in connection.execute(statement)]


def look_up(settings: OssSettings, targets: Iterable[Target]) -> Outputs:
    """Look at final keys whose tasks have ended: a listing page for a thousand.

    Raises:
        oss2.exceptions.OssError, requests.RequestException: OSS can't say what stands there.
    """
    by_bucket: dict[str, set[str]] = {}
    for bucket, key in targets:
        by_bucket.setdefault(bucket, set()).add(key)
    found = {}
    for bucket, keys in by_bucket.items():
        ordered = sorted(keys, key=str.encode)
        standing = standing_objects(settings.bucket(bucket), iter(ordered), len(ordered))
        found[bucket] = {one.key: one.etag for one in standing}
    return found


def record(catalogue: Catalogue, outputs: Outputs) -> None:
    """Record objects as outputs of the catalogue's conversions."""
    for bucket, etags in outputs.items():
        rows = list(etags.items())
        for start in range(0, len(rows), CHUNK):
            with catalogue.write() as connection:
                own_objects.record(connection, bucket, dict(rows[start : start + CHUNK]), OwnReason.WRITTEN_IN_PLACE)
