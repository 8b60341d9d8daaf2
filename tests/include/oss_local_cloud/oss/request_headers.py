"""Headers of any content, for property tests of what reads them."""

from __future__ import annotations

from hypothesis import strategies as st

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
