"""The XML of SMQ: what is written is read back, and what is no flat document is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_local_cloud.smq import xml
from oss_local_cloud.smq.errors import SmqRequestError


@given(st.text().filter(xml.is_xml_text))
def test_every_xml_text_is_read_back_as_it_was_written(value: str) -> None:
    document = xml.document("Root", xml.elements({"A": value, "B": None}))
    assert xml.parse(document, "Root").fields() == {"A": value}


def test_characters_that_xml_cannot_carry_become_a_replacement() -> None:
    assert not xml.is_xml_text("\x00")
    assert xml.text("a\x00<") == "a\ufffd&lt;"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Root>",
        b"\xff",
        b"<Other/>",
        b'<!DOCTYPE Root [<!ENTITY a "b">]><Root>&a;</Root>',
        b"<Root><a><b><c><d><e><f/></e></d></c></b></a></Root>",
    ],
)
def test_a_malformed_document_is_refused(body: bytes) -> None:
    with pytest.raises(SmqRequestError, match="MalformedXML"):
        xml.parse(body, "Root")


def test_a_repeated_or_nested_field_is_refused() -> None:
    for inner in ("<A>1</A><A>2</A>", "<A><B/></A>"):
        with pytest.raises(SmqRequestError, match="unexpected A"):
            xml.parse(f"<Root>{inner}</Root>".encode(), "Root").fields()
