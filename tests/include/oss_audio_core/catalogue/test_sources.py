"""What is known of a source beyond its listing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, sources
from oss_audio_core.catalogue.schema import source

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library


def test_a_source_says_what_its_file_says_of_itself(catalogue: Catalogue, library: Library) -> None:
    library.add("a.wav")
    probed = {"codec": "flac", "sample_rate": 48000, "channels": 1, "duration": 2.5, "container": "flac"}
    with catalogue.write() as connection:
        one = connection.scalar(sa.select(source.c.id))
        assert one is not None
        sources.describe(
            connection, one, probe=probed, tags={"TITLE": "歌", "Artist": "A\x00", "DATE": "2026"}, crc64="7"
        )
    with catalogue.read() as connection:
        row = connection.execute(sa.select(source)).one()
    assert (row.title, row.artist, row.album, row.tags, row.crc64) == ("歌", "A�", None, {"date": "2026"}, "7")
    assert (row.probe, row.codec, row.sample_rate, row.channels, row.duration) == (probed, "flac", 48000, 1, 2.5)
