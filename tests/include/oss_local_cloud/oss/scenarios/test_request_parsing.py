"""Parsing any request ends in a value or in an OSS error, never in an unhandled exception."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from oss_local_cloud.oss.addressing import parse_request_head
from oss_local_cloud.oss.errors import OssError
from oss_local_cloud.oss.http_messages import OssRequest
from oss_local_cloud.oss.object_attributes import overridden_headers, parse_object_attributes
from oss_local_cloud.oss.operations import find
from oss_local_cloud.signatures.credentials import Credentials
from oss_local_cloud.signatures.oss_verifier import OssVerifier
from oss_local_cloud.signatures.request import AuthenticationError
from tests.include.oss_local_cloud.oss.request_headers import HEADERS

NOW = datetime(2026, 11, 22, tzinfo=UTC)


PATHS = st.binary(max_size=40).map(lambda path: b"/" + path) | st.binary(max_size=20).map(lambda key: b"/bucket/" + key)


QUERIES = st.binary(max_size=60) | st.lists(
    st.sampled_from(
        [
            b"acl",
            b"x-oss-signature-version=OSS2",
            b"x-oss-signature-version=OSS4-HMAC-SHA256",
            b"x-oss-credential=testAK%2F20261122%2Flocal-1%2Foss%2Faliyun_v4_request",
            b"x-oss-date=20261122T000000Z",
            b"x-oss-expires=60",
            b"OSSAccessKeyId=testAK",
            b"Expires=99999999999",
            b"Signature=%FF",
            b"response-content-type=%0D%0A",
        ]
    ),
    max_size=6,
).map(b"&".join)


async def unread() -> dict[str, object]:
    raise AssertionError("nothing here reads a body")


@given(
    method=st.sampled_from(["GET", "PUT", "POST", "HEAD", "DELETE", "PATCH"]),
    path=PATHS,
    query=QUERIES,
    headers=HEADERS,
)
def test_any_request_is_read_or_refused(method: str, path: bytes, query: bytes, headers: dict[str, str]):
    with contextlib.suppress(OssError):
        request = parse_request_head(method, path, query, headers, {"localhost"})
        call = OssRequest(request, headers.get("host", ""), "0" * 24, unread)
        for read in (
            lambda: find(call),
            lambda: parse_object_attributes(headers),
            lambda: overridden_headers(call),
        ):
            with contextlib.suppress(OssError):
                read()
        refused = False
        try:
            OssVerifier(Credentials("testAK", "testSK"), "local-1", lambda: NOW).verify(request)
        except AuthenticationError:
            refused = True
        assert refused, "a signature was guessed"
