"""Keys and messages made fit for the medium that shows them: one function for each medium.

The uploader of an object chooses its key, and a service chooses its messages. Both may hold any character: an escape
sequence that rewrites a terminal, a newline that forges a line of a log, a bidirectional override that reverses a name,
Markdown that loads an image. No character that is not a visible one or a space gets into any medium.
"""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of Unicode: control characters, format characters (bidirectional controls among them), lone surrogates,
and the separators of lines and paragraphs."""

_WORDS = re.compile(r"[^\W_]+(?:[ -][^\W_]+)*")
"""Words of letters and digits: text without any meaning in Markdown."""

_LITERAL = re.compile(r"(^ +| +$| *[`|] *)")
"""What a code span in the cell of a table can't hold: backticks, pipes, and spaces at its ends."""


def for_terminal(text: str) -> str:
    r"""One line for a terminal: each invisible character as Python's escape, such as `\x1b` or `\u202e`.

    A backslash stays as it is: the exact text is in the JSON and in the tab-separated form.
    """
    return "".join(_escape(one) if _is_invisible(one) else one for one in text)


def for_log(text: str) -> str:
    """One line of a log, by the rule of terminals, in which logs are read."""
    return for_terminal(text)


def for_tsv(text: str) -> str:
    r"""One field of a tab-separated line. Reversible: a backslash is `\\`, an invisible character Python's escape.

    `text.encode("latin-1", "backslashreplace").decode("unicode_escape")` is the text again. Spaces stay as they are.
    """
    return for_terminal(text.replace("\\", "\\\\"))


def for_json(document: str) -> str:
    """A JSON document with every invisible character inside its strings as JSON's own escape; its value is the same."""
    return "".join(_utf16(one) if _is_invisible(one) and one != "\n" else one for one in document)


def for_markdown(text: str) -> str:
    """Inline Markdown, also for the cell of a table, that renders as the text itself and as nothing else.

    Plain words stay as they are. All other text becomes code, in which no link, image, tag, mention or emphasis exists,
    nor what a renderer finds by itself in plain text, such as an address. Invisible characters are escaped as for
    terminals.
    """
    shown = for_terminal(text)
    if _WORDS.fullmatch(shown):
        return shown
    parts = _LITERAL.split(shown)
    # A character reference stands for its character, never for what the character means to Markdown.
    references = ("".join(f"&#{ord(one)};" for one in part) for part in parts[1::2])
    code = (f"`{part}`" if part else "" for part in parts[::2])
    first, *rest = code
    return first + "".join(reference + part for reference, part in zip(references, rest, strict=True))


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _utf16(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
