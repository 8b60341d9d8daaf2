"""Keys and messages in all three forms of output: exact in a pipe and as JSON, harmless on a real terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import State

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library

RunCommand = Callable[..., tuple[int, str, str]]

KEYS = (
    "two  spaces and one at the end .wav",
    "tab\tand\nnewline\r.wav",
    "\x1b[31mred\x1b[0m\x07\x9b31m.wav",
    "\u202egnp.wav\u2066",
    "back\\slash \\x1b \\.wav",
    "夜 曲/א🎧\u200d🎧.wav",
    "'quoted' \"twice\" | `piped` <script>alert(1)</script>.wav",
    "n" * 1019 + ".wav",
)
MESSAGE = "not\tthis one\n\x1b]0;title\x07: ![x](http://h/x.png)"


@pytest.fixture
def awkward(library: Library) -> Library:
    for key in KEYS:
        library.add(key)
        library.add(key, "archive-flac", state=State.FAILED, asked={"code": "InvalidAudio", "message": MESSAGE})
    return library


def test_a_pipe_gets_every_key_and_message_exactly(awkward: Library, run_command: RunCommand) -> None:
    def column(name: str, *words: str) -> list[str]:
        _, out, _ = run_command(*words)
        header, *lines = out.removesuffix("\n").split("\n")
        at = header.split("\t").index(name)
        fields = [line.split("\t")[at] for line in lines]
        return [exact(field) for field in fields]

    exact = reader_in_the_docs()
    assert sorted(column("source_key", "list")) == sorted(KEYS)
    assert sorted(column("key", "missing", "archive-flac")) == sorted(KEYS)
    assert column("message", "list", "--state", "failed") == [MESSAGE] * len(KEYS)
    assert column("message", "failures") == [MESSAGE]


def test_json_has_every_key_and_message_exactly(awkward: Library, run_command: RunCommand) -> None:
    _, out, _ = run_command("list", "--json")
    assert sorted(row["source_key"] for row in json.loads(out)["rows"]) == sorted(KEYS)
    _, out, _ = run_command("list", "--state", "failed", "--json")
    assert {row["message"] for row in json.loads(out)["rows"]} == {MESSAGE}
    assert not any(unicodedata.category(one) in {"Cc", "Cf"} for one in out if one != "\n")


@pytest.mark.parametrize(
    "words", [["list"], ["list", "--state", "failed"], ["failures"], ["missing", "archive-flac"], ["show", KEYS[2]]]
)
def test_a_terminal_gets_no_control_character_out_of_a_key_or_a_message(
    awkward: Library, catalogue_url: sa.URL, words: list[str]
) -> None:
    shown = on_a_terminal(catalogue_url, words)
    assert [one for one in shown if unicodedata.category(one) in {"Cc", "Cf"} and one != "\n"] == []
    assert r"\x1b" in shown


def reader_in_the_docs() -> Callable[[str], str]:
    page = (Path(__file__).parents[5] / "docs" / "catalogue.md").read_text(encoding="utf-8")
    (sample,) = re.findall(r"^```python\n(def exact.*?)^```$", page, re.MULTILINE | re.DOTALL)
    names: dict[str, Callable[[str], str]] = {}
    exec(sample, names)
    return names["exact"]


def on_a_terminal(catalogue: sa.URL, words: list[str]) -> str:
    """What `oss-audio catalogue …` writes to a terminal, without styles of its own."""
    environment = {
        "AUDIO_CATALOGUE": catalogue.render_as_string(hide_password=False),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "COLUMNS": "5000",
    }
    command = [str(Path(sys.executable).with_name("oss-audio")), "catalogue", *words]
    ours, theirs = pty.openpty()
    ran = subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 65536):
            shown += block
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert ran.wait() == 0, shown
    return shown.decode().replace("\r\n", "\n")
