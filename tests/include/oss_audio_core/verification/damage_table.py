"""What finds which damage, by policy and format: the data of the tests, and of the tables in docs/verification.md.

A cell names the check that fails, or `unreadable`: refused before any check. `slips`: it passes, and may be
published. `undecided`: a probe lets it neither pass nor fail, so it is decoded. `—`: there is no such file.
"""

from __future__ import annotations

from tests.include.oss_audio_core.verification.damages import FORMATS

SLIPS = "slips"
UNDECIDED = "undecided"
UNREADABLE = "unreadable"
NO_SUCH_FILE = "—"

FLIP_STORED = "one bit flipped in the stored object"
FLIP_BEFORE = "one bit flipped before it was stored"
FLIP = "one bit flipped"


def _row(every: str, **others: str) -> dict[str, str]:
    return {f: others.get(f, every) for f in FORMATS}


TABLE: dict[str, dict[str, dict[str, str]]] = {
    "decode": {
        "truncated at 1 %": _row("duration", flac=UNREADABLE, oga=UNREADABLE, opus=UNREADABLE),
        "truncated at 50 %": _row("duration"),
        "truncated at 99 %": _row("duration"),
        "zero bytes": _row(UNREADABLE),
        "right extension, wrong codec": _row("codec"),
        "silence": _row("silence"),
        "another sound of the same length": _row("content"),
        "wrong rate": _row("sample_rate"),
        "wrong channel count": _row("channels", amr=NO_SUCH_FILE),
        "header says ten times what is there": _row("duration", mp3="complete", flac="complete", oga="decode"),
        FLIP_STORED: _row("stored_bytes"),
        FLIP_BEFORE: _row("decode", mp3="checksum", aac=SLIPS, amr=SLIPS),
    },
    "probe": {
        "truncated at 1 %": _row("duration", flac=UNREADABLE, oga=UNREADABLE, opus=UNREADABLE),
        "truncated at 50 %": _row("tail", ac3="duration", amr="duration"),
        "truncated at 99 %": _row("tail", ac3="duration"),
        "zero bytes": _row(UNREADABLE),
        "right extension, wrong codec": _row("codec"),
        "silence": _row(SLIPS, amr=UNDECIDED),
        "another sound of the same length": _row(SLIPS, aac=UNDECIDED, amr=UNDECIDED),
        "wrong rate": _row("sample_rate"),
        "wrong channel count": _row("channels", amr=NO_SUCH_FILE),
        "header says ten times what is there": _row("tail", aac=UNDECIDED, flac="complete", ac3="duration", amr="size"),
        FLIP: _row(SLIPS, aac=UNDECIDED, amr=UNDECIDED),
    },
}


SOURCE_FORMATS = ("flac", "tta", "wv", "ogg", "opus", "mp3", "w64", "wma", "avi", "mka")
NOTE = "note"
_INCOMPLETE, _DAMAGED = "SourceIncomplete", "SourceDamaged"
SOURCES: dict[str, dict[str, str]] = {
    "cut off at 60 %": dict.fromkeys(SOURCE_FORMATS, _INCOMPLETE),
    "second half zeroed": dict.fromkeys(SOURCE_FORMATS, _INCOMPLETE)
    | {"tta": _DAMAGED, "w64": SLIPS, "wma": SLIPS, "avi": SLIPS},
    "one bit flipped": dict.fromkeys(SOURCE_FORMATS, _DAMAGED)
    | {"mp3": NOTE, "w64": SLIPS, "wma": SLIPS, "avi": SLIPS, "mka": SLIPS},
}
"""What is said of a damaged source, of which the renditions are right: the code of its renditions, or a note."""


def source_markdown() -> list[str]:
    """The table of damaged sources, as lines of Markdown."""
    lines = [f"| source | {' | '.join(SOURCE_FORMATS)} |", f"|---|{'---|' * len(SOURCE_FORMATS)}"]
    return lines + [f"| {damage} | {' | '.join(cells.values())} |" for damage, cells in SOURCES.items()]


def markdown(policy: str) -> list[str]:
    """The table of one policy, as lines of Markdown."""
    lines = [f"| {policy} | {' | '.join(FORMATS)} |", f"|---|{'---|' * len(FORMATS)}"]
    return lines + [f"| {damage} | {' | '.join(row.values())} |" for damage, row in TABLE[policy].items()]
