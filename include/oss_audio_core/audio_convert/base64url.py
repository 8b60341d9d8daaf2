"""URL-safe base64 as `sys/saveas` and `notify` use it: written without padding, read with or without."""

from __future__ import annotations

import base64
import re

from oss_audio_core.audio_convert.errors import ParameterError

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+={0,2}", re.ASCII)


def encode(text: str) -> str:
    """UTF-8, URL-safe alphabet, no padding: `/` and `=` of the other forms would disturb the grammar."""
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def decode(parameter: str, encoded: str) -> str:
    """The text behind `encoded`; padding is optional, and must be right where it is given.

    Raises `ParameterError` naming `parameter` for a foreign alphabet, an impossible length, or bytes that
    are not UTF-8. What was encoded is returned exactly, a newline at its end included (docs/seed-notes.md).
    """
    if not _ALPHABET.fullmatch(encoded):
        raise ParameterError(parameter, encoded, "URL-safe base64 (A-Z a-z 0-9 - _), padding optional")
    bare = encoded.rstrip("=")
    if len(bare) % 4 == 1 or (bare != encoded and len(encoded) % 4):
        raise ParameterError(parameter, encoded, "base64 of a whole number of bytes (its length is impossible)")
    raw = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ParameterError(parameter, encoded, "base64 of UTF-8 text (the decoded bytes are not)") from None
