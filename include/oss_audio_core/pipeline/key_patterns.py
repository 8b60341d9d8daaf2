r"""Shell patterns on whole keys, as include and exclude have them.

    *   any characters, `/` as well          {a,b}   either
    ?   one character                        **/     any folders, or none
    [ab], [a-z], [!ab]                       \       takes the meaning from the character after it

Letters match in either case, as file extensions do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

import bracex
from wcmatch import fnmatch

_FLAGS = fnmatch.DOTMATCH | fnmatch.FORCEUNIX | fnmatch.IGNORECASE
_LIMIT = 1000
"""The most patterns that the braces of one pattern may stand for."""

_ANY_FOLDERS = re.compile(r"(?:^|(?<=[/{,]))\*\*/")
_TOKEN = re.compile(r"\\(?P<escaped>.)|(?P<wildcard>[*?]|\[!?\]?[^]]*\])|(?P<literal>.)", re.DOTALL)


class PatternError(ValueError):
    """A pattern stands for too many."""


class KeyPatterns:
    """Some patterns, of which a key has to match one. Compiled once: a listing has millions of keys."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Compile them.

        Raises:
            PatternError: the braces of one stand for more than 1,000 patterns.
        """
        expressions = [one for pattern in patterns for one in _translated(pattern)]
        self._match = re.compile("|".join(f"(?:{one})" for one in expressions)).fullmatch if expressions else None

    def matches(self, key: str) -> bool:
        """Whether a key matches one of them; without patterns none does."""
        return self._match is not None and self._match(key) is not None


def escape(key: str) -> str:
    """A pattern that matches this key, in either case."""
    return str(fnmatch.escape(key))


def literal_heads(pattern: str) -> Iterator[str]:
    """What keys that match begin with, up to the first wildcard; one for each alternative."""
    for alternative in _alternatives(pattern):
        tokens = _TOKEN.finditer(alternative)
        literals = takewhile(lambda token: token["wildcard"] is None, tokens)
        yield "".join(token["escaped"] or token["literal"] for token in literals)


def examples(pattern: str) -> Iterator[str]:
    """A key that may match for each alternative: with `x` in place of each wildcard."""
    for alternative in _alternatives(pattern):
        tokens = _TOKEN.finditer(alternative)
        yield "".join("x" if token["wildcard"] else token["escaped"] or token["literal"] for token in tokens)


def _alternatives(pattern: str) -> list[str]:
    """The patterns without braces that a pattern stands for."""
    try:
        expanded: list[str] = bracex.expand(_ANY_FOLDERS.sub("{*/,}", pattern), keep_escapes=True, limit=_LIMIT)
    except bracex.ExpansionLimitException:
        raise PatternError(f"the braces of {pattern!r} stand for more than {_LIMIT} patterns") from None
    return expanded


def _translated(pattern: str) -> Iterator[str]:
    """The regular expression of each alternative."""
    for alternative in _alternatives(pattern):
        (expression,), _ = fnmatch.translate(alternative, flags=_FLAGS)
        yield expression
