"""The view of revision 0006: what revision 0002 made, and the audible bandwidth of rendition and source."""

from __future__ import annotations

from oss_audio_core.catalogue.migrations import views_0002

PUBLISHED_RENDITION = views_0002.PUBLISHED_RENDITION.replace(
    "    rendition.etag AS etag,\n",
    "    rendition.bandwidth AS bandwidth,\n"
    "    source.bandwidth AS source_bandwidth,\n"
    "    source.notes AS source_notes,\n"
    "    rendition.etag AS etag,\n",
)
