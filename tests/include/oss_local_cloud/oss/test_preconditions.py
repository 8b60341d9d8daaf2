"""Conditional headers of reads and copies."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from oss_local_cloud.interfaces import ObjectInfo
from oss_local_cloud.oss.preconditions import PreconditionResult, evaluate_preconditions

NOW = datetime(2026, 11, 22, tzinfo=UTC)


INFO = ObjectInfo("bucket", "key", "0" * 32, 10, NOW, "text/plain", 0, "blob", {}, {})


LATIN = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=60)


DATES = LATIN | st.sampled_from(
    [
        "Sun, 22 Nov 2026 00:00:00 +9999999999999",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "99999999T999999Z",
    ]
)


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "authorization",
            "content-type",
            "content-md5",
            "date",
            "expires",
            "host",
            "if-match",
            "if-modified-since",
            "if-none-match",
            "if-unmodified-since",
            "x-oss-copy-source",
            "x-oss-date",
            "x-oss-meta-a",
            "x-oss-security-token",
            "x-oss-tagging",
        ]
    ),
    DATES
    | LATIN.map("OSS testAK:{}".format)
    | LATIN.map("OSS2 AccessKeyId:testAK,{}".format)
    | LATIN.map("OSS4-HMAC-SHA256 Credential=testAK/20261122/local-1/oss/aliyun_v4_request,{}".format),
    max_size=6,
)


@given(headers=HEADERS)
def test_any_condition_comes_to_an_outcome(headers: dict[str, str]):
    assert evaluate_preconditions(headers, INFO) in PreconditionResult
