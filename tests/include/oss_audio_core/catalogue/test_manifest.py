"""The manifest of a source: its renditions in the order of their bit rates, and the content they are of."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue
from oss_audio_core.catalogue.manifest import ladder_manifest
from oss_audio_core.catalogue.schema import source
from oss_audio_core.catalogue.views import source_ladder
from tests.include.oss_audio_core.catalogue.conftest import DAY

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library


def test_rungs_go_up_with_the_bit_rate(catalogue: Catalogue, library: Library) -> None:
    described = {"title": "歌", "duration": 1.5}
    for profile, bitrate in (("high", 320_000), ("low", 64_000), ("middle", 128_000), ("unknown", None)):
        measured = {"bitrate": bitrate, "waveform_uri": f"oss://media/{profile}.json", "loudness_lufs": -14.0}
        library.add("a.wav", profile, described=described, measured=measured)
    library.add("b.wav", "high")
    with catalogue.read() as connection:
        manifest = ladder_manifest(connection, "media", "a.wav")
        rungs = connection.execute(sa.select(source_ladder.c.rungs, source_ladder.c.source_key)).all()
    assert manifest is not None
    assert json.loads(json.dumps(manifest)) == manifest
    steps = manifest["renditions"]
    assert [(one["rung"], one["profile"]) for one in steps] == [
        (1, "unknown"),
        (2, "low"),
        (3, "middle"),
        (4, "high"),
    ]
    assert (manifest["source"]["title"], manifest["source"]["duration"]) == ("歌", 1.5)
    assert (steps[1]["waveform"], steps[1]["picture"]) == ("oss://media/low.json", None)
    assert (steps[1]["loudness_lufs"], steps[1]["source_etag"]) == (-14.0, manifest["source"]["etag"])
    assert sorted(tuple(row) for row in rungs) == [(1, "b.wav"), *[(4, "a.wav")] * 4]


def test_a_rendition_of_an_older_content_says_so(catalogue: Catalogue, library: Library) -> None:
    library.add("a.wav", "stands-still", etag="S1")
    library.add("a.wav", "made-anew", etag="S2", at=DAY + timedelta(days=1), measured={"bitrate": 1})
    with catalogue.read() as connection:
        manifest = ladder_manifest(connection, "media", "a.wav")
    assert manifest is not None
    assert manifest["source"]["etag"] == "S2"
    assert [(one["profile"], one["source_etag"]) for one in manifest["renditions"]] == [
        ("stands-still", "S1"),
        ("made-anew", "S2"),
    ]


def test_a_source_without_renditions_has_none(catalogue: Catalogue, library: Library) -> None:
    library.add("a.wav")
    with catalogue.write() as connection:
        connection.execute(sa.text("DELETE FROM rendition"))
        assert connection.scalar(sa.select(sa.func.count()).select_from(source)) == 1
        assert ladder_manifest(connection, "media", "a.wav") is None
