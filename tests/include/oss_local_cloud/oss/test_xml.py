"""Reading and writing of XML documents."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from oss_local_cloud.oss import xml
from oss_local_cloud.oss.errors import OssError


@given(text=st.text(max_size=30))
def test_what_is_written_as_xml_is_read_back(text: str):
    shown = xml.parse(xml.document("Root", [("Text", text)]), "Root").findtext("Text")
    assert shown is not None
    assert len(shown) == len(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    if text.isprintable():
        assert shown == text


@given(
    content=st.binary(max_size=60)
    | st.sampled_from([b'<?xml version="1.0" encoding="nonsense"?><Root/>', b"<Root xmlns='u:r:i'/>"])
)
def test_any_body_is_xml_or_refused(content: bytes):
    with contextlib.suppress(OssError):
        assert xml.parse(content, "Root").tag == "Root"
