"""Reading XML that came over the network."""

from __future__ import annotations

from xml.etree import ElementTree as ET


class UnreadableXml(ValueError):
    """The text is no XML document that SMQ would send."""


class _NoDtd(ET.TreeBuilder):
    """Refuses a document type declaration: SMQ never sends one, and entities are how XML does harm."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise UnreadableXml("a document type declaration isn't accepted")


def parse(document: bytes | str) -> ET.Element:
    """Return the root element; raises UnreadableXml and nothing else."""
    try:
        return ET.fromstring(document, ET.XMLParser(target=_NoDtd()))  # noqa: S314 - see _NoDtd
    except UnreadableXml:
        raise
    except (ET.ParseError, LookupError, ValueError) as error:
        raise UnreadableXml(f"no well-formed XML: {error}") from None


def local_name(element: ET.Element) -> str:
    """The element's name without its namespace (SMQ documents come with and without one)."""
    return element.tag.rpartition("}")[2]


def children(element: ET.Element) -> dict[str, str]:
    """The texts of the direct children by local name; the last one wins."""
    return {local_name(child): child.text or "" for child in element}
