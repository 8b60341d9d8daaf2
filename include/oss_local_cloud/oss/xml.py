"""Parsing XML request bodies, writing XML response bodies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from oss_local_cloud.oss.errors import malformed_xml

_SPECIAL = re.compile("[&<>\\x00-\\x08\\x0b-\\x1f\\ufffe\\uffff]")
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "\r": "&#13;",
        **{chr(c): "\ufffd" for c in (*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF)},
    }
)

Element = tuple[str, "str | Iterable[Element]"]
"""An element to write: its name, and its text or its children."""


def document(name: str, children: str | Iterable[Element], written: Iterable[str] = ()) -> bytes:
    """An XML document in UTF-8; `written` are further children that are XML already.

    Characters that XML 1.0 cannot carry become U+FFFD.
    """
    parts = [_DECLARATION]
    _write(parts, name, children)
    end = parts.pop()
    return "".join((*parts, *written, end)).encode("utf-8", "replace")


def element(name: str, content: str | Iterable[Element]) -> str:
    """One element as XML."""
    parts: list[str] = []
    _write(parts, name, content)
    return "".join(parts)


def parse(content: bytes, root: str) -> ElementTree.Element:
    """Parse a document whose root element is named `root`.

    Documents with a DTD are refused, so no entity is ever expanded.

    Raises:
        OssError: MalformedXML.
    """
    parser = ElementTree.XMLParser(target=_WithoutDoctype())  # noqa: S314  # so nothing to expand or fetch
    try:
        parser.feed(content)
        element: ElementTree.Element = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError):
        raise malformed_xml("it cannot be parsed") from None
    for descendant in element.iter():
        descendant.tag = descendant.tag.rpartition("}")[2]
    if element.tag != root:
        raise malformed_xml(f"the root element must be {root}")
    return element


class _WithoutDoctype(ElementTree.TreeBuilder):
    """Builds the tree of a document in any encoding, and refuses a document type."""

    def doctype(self, name: str, public_id: str | None, system_id: str | None) -> None:
        raise malformed_xml("a document type is not allowed")


def escape(text: str) -> str:
    """Text, escaped for the content of an element."""
    return text.translate(_ESCAPES) if _SPECIAL.search(text) else text


def _write(parts: list[str], name: str, content: str | Iterable[Element]) -> None:
    if isinstance(content, str):
        parts.append(f"<{name}>{escape(content)}</{name}>")
        return
    parts.append(f"<{name}>")
    for child, inner in content:
        _write(parts, child, inner)
    parts.append(f"</{name}>")
