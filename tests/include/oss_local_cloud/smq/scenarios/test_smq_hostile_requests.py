"""Whatever is sent, SMQ answers in its own shape and never with a 500."""

from __future__ import annotations

import http.client
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from oss_local_cloud.signatures.mns import sign, string_to_sign

NAMES = st.sampled_from(["q", "t", "s", "queues", "messages", "q" * 121, "..", "ä", "a b", ""]) | st.text(max_size=8)
PATHS = st.lists(st.sampled_from(["queues", "topics", "messages", "subscriptions"]) | NAMES, max_size=5)
PARAMETERS = st.dictionaries(
    st.sampled_from(
        ["waitseconds", "numOfMessages", "peekonly", "ReceiptHandle", "VisibilityTimeout", "metaoverride", "x", ""]
    ),
    st.sampled_from(["0", "1", "16", "-1", "99999999999999999999", "true", "1-MDAwMDAwMDAwMS0x", "\u0660", "a+b%"])
    | st.text(alphabet="abc=+/&%", max_size=6),
    max_size=3,
).filter(lambda found: found.get("waitseconds") not in ("1", "16"))  # no poll waits here
ELEMENTS = st.sampled_from(
    [
        "Message",
        "Messages",
        "MessageBody",
        "MessageTag",
        "DelaySeconds",
        "Priority",
        "UserProperties",
        "PropertyValue",
        "Queue",
        "Topic",
        "Subscription",
        "Endpoint",
        "FilterTag",
        "VisibilityTimeout",
        "ReceiptHandles",
        "ReceiptHandle",
        "Name",
    ]
)
LEAVES = st.builds(lambda text: escape(text), st.text(max_size=12) | st.sampled_from(["1", "-1", "9" * 30, "true"]))
MARKUP = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>", ELEMENTS, st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.none() | st.binary(max_size=64) | MARKUP.map(lambda text: text.encode("utf-8", "surrogatepass"))
HEADERS = st.dictionaries(
    st.sampled_from(["x-mns-prefix", "x-mns-marker", "x-mns-ret-number", "x-mns-with-meta", "content-md5", "accept"]),
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=255, exclude_categories=["Cc"]), max_size=10),
    max_size=2,
)


def test_no_request_breaks_the_service(smq: Any) -> None:
    connection = http.client.HTTPConnection(smq.endpoint.removeprefix("http://"), timeout=20)

    def ask(
        method: str, path: list[str], query: dict[str, str], headers: dict[str, str], body: bytes | None
    ) -> tuple[int, bytes, str]:
        target = "/" + "/".join(quote(part, safe="") for part in path)
        if query:
            target += "?" + "&".join(
                f"{quote(name, safe='')}={quote(value, safe='+/=')}" for name, value in query.items()
            )
        sent = {"x-mns-version": "2015-06-06", "date": format_datetime(datetime.now(UTC), usegmt=True), **headers}
        sent["authorization"] = "MNS testAK:" + sign("testSK", string_to_sign(method, target, sent))
        connection.request(method, target, body, {name: value.encode("latin-1") for name, value in sent.items()})
        response = connection.getresponse()
        return response.status, response.read(), response.getheader("x-mns-request-id", "")

    assert ask("PUT", ["queues", "q"], {}, {}, None)[0] == 201
    assert ask("PUT", ["topics", "t"], {}, {}, None)[0] == 201

    @given(
        method=st.sampled_from(["GET", "PUT", "POST", "DELETE"]),
        path=PATHS,
        query=PARAMETERS,
        headers=HEADERS,
        body=BODIES,
    )
    @settings(max_examples=300, deadline=None)
    def attack(
        method: str, path: list[str], query: dict[str, str], headers: dict[str, str], body: bytes | None
    ) -> None:
        status, document, request_id = ask(method, path, query, headers, body)
        assert status in (200, 201, 204, 400, 403, 404, 409), (status, document)
        assert request_id
        if document:
            root = ElementTree.fromstring(document)
            if status >= 400 and not root.tag.endswith("Errors"):
                names = [child.tag.rpartition("}")[2] for child in root]
                assert names == ["Code", "Message", "RequestId", "HostId"]
        assert "InternalError" not in document.decode()

    try:
        attack()
        assert ask("GET", ["queues"], {}, {}, None)[0] == 200
    finally:
        connection.close()
