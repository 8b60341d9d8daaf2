"""The ladder of one source as a JSON document, for a player to choose a rendition.

It is no HLS master playlist: the renditions are whole files, HLS needs media playlists of their segments, and it has
only three of the seven formats.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.schema import rendition, source
from oss_audio_core.catalogue.views import source_ladder as view

VERSION = 1
"""Version of the document's form. A reader refuses a version that it doesn't know."""

_RENDITION = (
    "rung",
    "profile",
    "content_type",
    "codec",
    "bitrate",
    "sample_rate",
    "channels",
    "duration",
    "size",
    "loudness_lufs",
    "true_peak_dbtp",
)


def ladder_manifest(connection: Connection, bucket: str, key: str) -> dict[str, Any] | None:
    """The published renditions of one source, from the lowest bit rate to the highest; None: it has none.

    Units are seconds, bytes, Hz, bit/s, LUFS and dBTP. `source` describes the content of the rendition that was
    published last. A rendition of an older content stays until its successor is verified; it has another `source_etag`.
    """
    steps = (
        connection.execute(
            sa.select(view, rendition.c.etag, rendition.c.waveform_uri, rendition.c.picture_uri)
            .join(rendition, rendition.c.id == view.c.rendition_id)
            .where(view.c.source_bucket == bucket, view.c.source_key == key)
            .order_by(view.c.rung)
        )
        .mappings()
        .all()
    )
    if not steps:
        return None
    newest = max(steps, key=lambda step: step["published_at"])
    of = connection.execute(
        sa.select(source).where(source.c.bucket == bucket, source.c.key == key, source.c.etag == newest["source_etag"])
    ).one()
    return {
        "version": VERSION,
        "source": {
            "uri": f"oss://{bucket}/{key}",
            "etag": of.etag,
            "size": of.size,
            "duration": of.duration,
            "title": of.title,
            "artist": of.artist,
            "album": of.album,
        },
        "renditions": [
            {
                "uri": f"oss://{step['bucket']}/{step['key']}",
                "etag": step["etag"],
                "source_etag": step["source_etag"],
                **{name: step[name] for name in _RENDITION},
                "waveform": step["waveform_uri"],
                "picture": step["picture_uri"],
                "published_at": step["published_at"].isoformat(),
            }
            for step in steps
        ],
    }
