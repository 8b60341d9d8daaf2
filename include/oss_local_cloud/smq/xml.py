"""The XML of SMQ requests and responses: flat documents in one namespace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from oss_local_cloud.smq.errors import malformed_xml

NAMESPACE = "http://mns.aliyuncs.com/doc/v1/"
_NOT_XML = re.compile("[^\\t\\n\\r\\u0020-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def text(value: object) -> str:
    """Escaped so that an XML parser gives the same characters back, carriage returns too.

    What XML can't carry, and only an error message quotes, becomes U+FFFD.
    """
    return escape(_NOT_XML.sub("\ufffd", str(value)), {"\r": "&#13;", '"': "&quot;"})


def is_xml_text(value: str) -> bool:
    """Whether every character of `value` can stand in an XML document."""
    return _NOT_XML.search(value) is None


def document(root: str, inner: str) -> bytes:
    """A whole document: `inner` is markup."""
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}">{inner}</{root}>').encode()


def elements(fields: Mapping[str, object]) -> str:
    """`<Name>value</Name>…` in the order given; None is left out."""
    return "".join(f"<{name}>{text(value)}</{name}>" for name, value in fields.items() if value is not None)


def rows(tag: str, items: Iterable[Mapping[str, object]]) -> str:
    """One element `tag` for each mapping."""
    return "".join(f"<{tag}>{elements(item)}</{tag}>" for item in items)


@dataclass(frozen=True)
class Element:
    """An element of a request: its name without the namespace, its text and its children."""

    name: str
    text: str = ""
    children: tuple[Element, ...] = field(default=())

    def fields(self) -> dict[str, str]:
        """The children as name → text.

        Raises:
            SmqRequestError: MalformedXML, when a child is repeated or has children of its own.
        """
        found: dict[str, str] = {}
        for child in self.children:
            if child.children or child.name in found:
                raise malformed_xml(f"The XML you provided was not well-formed: unexpected {child.name}.")
            found[child.name] = child.text
        return found


def parse(body: bytes, *roots: str) -> Element:
    """The document in `body`, whose root is one of `roots`; raises MalformedXML."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise malformed_xml("The XML you provided has a document type, which is not accepted.")
    try:
        tree = ElementTree.fromstring(body.decode("utf-8"))  # noqa: S314 - no DTD, so no entities to expand
    except (ElementTree.ParseError, ValueError):
        raise malformed_xml() from None
    root = _element(tree, depth=0)
    if root.name not in roots:
        raise malformed_xml(
            f"The XML you provided did not validate against our published schema, cause by {root.name}."
        )
    return root


def _element(node: ElementTree.Element, depth: int) -> Element:
    if depth > 5:
        raise malformed_xml("The XML you provided is nested too deeply.")
    name = node.tag.rpartition("}")[2]
    return Element(name, node.text or "", tuple(_element(child, depth + 1) for child in node))
