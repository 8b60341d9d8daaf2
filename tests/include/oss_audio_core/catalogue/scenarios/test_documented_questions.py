"""Every question of docs/catalogue.md is answered by its query, and every command of it runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library

RunCommand = Callable[..., tuple[int, str, str]]
DOCUMENT = Path(__file__).parents[5] / "docs" / "catalogue.md"


def queries() -> dict[str, str]:
    """The queries of the document, by the heading that each stands under."""
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.findall(r"^### ([^\n]+)\n(?:(?!^##+ ).)*?```sql\n(.*?)```", text, flags=re.MULTILINE | re.DOTALL)
    return dict(found)


EXPECTED: dict[str, Any] = {
    "What was published last night?": [
        ("songs/a.wav", "archive-flac", "renditions/archive-flac/songs/a.wav.flac"),
        ("songs/a.wav", "mobile-mp3", "renditions/mobile-mp3/songs/a.wav.mp3"),
        ("songs/b.wav", "archive-flac", "renditions/archive-flac/songs/b.wav.flac"),
    ],
    "What failed, and why?": [("InvalidAudio", 1, "no audio in it")],
    "How many bytes were saved?": [("archive-flac", 2, 900), ("mobile-mp3", 1, 900)],
    "Which sources have no mp3?": [("media", "songs/b.wav")],
    "What is the ladder of one source?": [(1, "mobile-mp3", "mp3", 100), (2, "archive-flac", "flac", 600)],
    "What became of every attempt?": [
        ("archive-flac", 1, "published", None),
        ("mobile-mp3", 1, "failed", "no audio in it"),
    ],
    "Which checks did an output not pass?": [],
}
"""What each query finds after `Library.night`, and another conversion of the same source."""


@pytest.mark.parametrize("heading", sorted(EXPECTED))
def test_a_query_of_the_document_answers(catalogue: Catalogue, library: Library, heading: str) -> None:
    library.night()
    with catalogue.read() as connection:
        found = [tuple(row) for row in connection.execute(sa.text(queries()[heading]))]
    assert [tuple(int(one) if str(one).isdigit() else one for one in row) for row in found] == EXPECTED[heading]


def test_every_query_of_the_document_is_one_of_these() -> None:
    assert sorted(queries()) == sorted(EXPECTED)


def test_every_command_of_the_document_runs(library: Library, run_command: RunCommand, tmp_path: Path) -> None:
    library.night()
    text = DOCUMENT.read_text(encoding="utf-8")
    commands = re.findall(r"^ {4}oss-audio catalogue (.+)$", text, flags=re.MULTILINE)
    assert len(commands) >= 8
    for command in commands:
        words = command.split("  #")[0].split()
        if "oss://" in command or words[0] == "check":
            continue  # those that need a bucket have tests of their own
        assert run_command(*words)[0] == 0, command
