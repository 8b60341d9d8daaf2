"""Object keys that break what handles them carelessly: made from a seed, none twice."""

from __future__ import annotations

import random

PIECES = (
    *("a", "song", "歌", "é", "e\u0301", "😀", "🏳️\u200d🌈", "\u202e", "\u2066", "\u200b", "\ufeff", "\ufffd"),
    *("\x00", "\x01", "\x07", "\x1b[31m", "\x7f", "\x85", "\t", "\n", "\r\n", " ", "  ", "\u2028"),
    *("/", "//", "./", "../", "..", ".", "\\", "%2F", "%00", "%", "+", "?", "#", "&", "=", ";", ",", ":", "*"),
    *("'", '"', "`", "|", "<b>", "![x](y)", "[a](javascript:b)", "$(id)", "{key}", "{{", "}", "~", "-", "--", "_"),
    *("k" * 200, "歌" * 60, ".wav", ".mp3", ".waveform.json", ".staging/", "catalogue/", "NaN", "null", "0"),
)
"""What keys are put together of: control characters, marks of direction, markup, quoting, paths, lengths."""

LONGEST = 900
"""Bytes; a key has 1,023, and the target's key needs some."""


def awkward_key(chance: random.Random) -> str:
    """One key, with the extension of a source."""
    key = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 6)))
    while len(key.encode()) > LONGEST:
        key = key[: len(key) // 2]
    return key.lstrip("/\\") + chance.choice((".wav", ".WAV", ".wav", ".flac", ".x.wav"))


def awkward_keys(count: int, chance: random.Random) -> list[str]:
    """Different keys."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[awkward_key(chance)] = None
    return list(found)
