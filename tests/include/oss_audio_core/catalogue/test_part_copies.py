"""Which uploads in parts the catalogue began, and for which conversions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oss_audio_core.catalogue import Catalogue, State, part_copies
from oss_audio_core.catalogue.part_copies import PartCopy

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library


def test_uploads_are_known_by_their_conversions_until_they_end(catalogue: Catalogue, library: Library) -> None:
    one, other = (library.add(f"{name}.wav", state=State.VERIFIED) for name in "ab")
    begun = [PartCopy("U1", "media", "歌.flac", one), PartCopy("U2", "media", "歌.flac", one)]
    begun.append(PartCopy("U3", "media", "b.flac", other))
    for copy in begun:
        with catalogue.write() as connection:
            part_copies.begin(connection, copy)
    with catalogue.write() as connection:
        assert part_copies.begun_for(connection, [one]) == begun[:2]
        assert part_copies.begun_for(connection, []) == []
        part_copies.end(connection, ["U1", "unknown"])
        assert part_copies.begun_for(connection, [one, other]) == begun[1:]
