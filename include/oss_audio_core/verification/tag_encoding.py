"""Texts of tags in an encoding that their file doesn't name: GBK, Big5, Shift-JIS or UTF-8.

ID3v1 and RIFF INFO name no encoding, and ID3v2 is often marked as Latin-1 whatever it holds. A guess goes by rules, as
titles are too short for statistics: which bytes occur, and whether they are frequent characters of the encoding. All of
a file's texts are guessed together. Accented letters of Western languages stand alone among ASCII letters and stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

GUESSED = ".guessed"
"""A tag of this suffix names the encoding that the text was guessed to have."""

BYTES = ".bytes"
"""A tag of this suffix has the text's bytes as they stand in the file, in hexadecimal."""

LATIN = "latin-1"

_HIGH = re.compile(rb"[\x80-\xff]+")
_LETTERS = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]")
_FEWEST = 4
"""Bytes in a row, two characters: shorter ones beside Latin letters are accents."""

_DENSE = 0.5
"""Part of a text's bytes that are above 127 where it has no Latin words."""

_FREQUENT = 0.6
"""Part of a text's characters that must be frequent ones."""

_EAST_ASIAN = re.compile(r"[\x00-\x7f\u2010-\u2026\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef·—“”‘’×]*", re.DOTALL)


def decoded_tags(found: Mapping[str, str]) -> dict[str, str]:
    """Tags as FFmpeg gives them, with the texts that it could not decode or took for Latin-1 decoded by a guess.

    Args:
        found: texts by tag; bytes that are no UTF-8 are surrogates (`surrogateescape`).

    Returns:
        The texts, and for each guessed one its encoding and its bytes, under the tag with `GUESSED` and `BYTES` behind.
    """
    raw = {tag: stored for tag, text in found.items() if (stored := _stored(text)) is not None}
    encoding = guess(b"\n".join(raw.values())) if raw else None
    tags = dict(found)
    for tag, stored in raw.items():
        named = encoding if encoding is not None and _decodes(stored, encoding) else guess(stored)
        if named is None and not _has_surrogates(found[tag]):
            continue
        tags[tag] = stored.decode(named or LATIN)
        tags[tag + GUESSED], tags[tag + BYTES] = named or LATIN, stored.hex()
    return tags


def guess(text: bytes) -> str | None:
    """The encoding of a text with bytes above 127, by its Python name; None: Latin-1, or none that is known."""
    if _decodes(text, "utf-8"):
        return "utf-8"
    longest = max((len(run) for run in _HIGH.findall(text)), default=0)
    share = sum(byte > 127 for byte in text) / max(len(text), 1)
    if longest < _FEWEST and share < _DENSE and _LETTERS.search(text):
        return None
    frequent = {
        "gb18030": _share(text, "gb2312", (0xB0, 0xD7)),
        "big5": _share(text, "big5", (0xA4, 0xC6)),
        "shift_jis": _share(text, "shift_jis", (0x82, 0x83), (0x88, 0x97)),
    }
    # The order is that of preference where two are alike.
    best = max(frequent, key=lambda name: frequent[name])
    if frequent[best] >= _FREQUENT:
        return best
    return "gb18030" if _share(text, "gb18030", (0xB0, 0xD7)) >= _FREQUENT else None


def _stored(text: str) -> bytes | None:
    """The bytes of a text that may be in another encoding; None: it is not."""
    if text.isascii():
        return None
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        pass
    stored = text.encode("utf-8", "surrogateescape")
    return None if _decodes(stored, "utf-8") else stored


def _has_surrogates(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _share(text: bytes, encoding: str, *leads: tuple[int, int]) -> float:
    """Part of a text's further characters whose first byte is in `leads`; 0 where it doesn't decode to a language."""
    if not _decodes(text, encoding):
        return 0.0
    decoded = text.decode(encoding)
    if not _EAST_ASIAN.fullmatch(decoded):
        return 0.0
    firsts = [character.encode(encoding)[0] for character in decoded if not character.isascii()]
    return sum(any(low <= first <= high for low, high in leads) for first in firsts) / max(len(firsts), 1)
