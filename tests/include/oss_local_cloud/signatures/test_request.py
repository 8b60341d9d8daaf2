"""Canonical parts and time checks of a request head."""

from __future__ import annotations

from datetime import UTC, datetime

from oss_local_cloud.signatures.request import canonical_query, parse_time, signing_date


def test_the_canonical_query_is_encoded_and_sorted():
    assert canonical_query([("b", "x/y"), ("a b", ""), ("a", "1")]) == "a=1&a%20b&b=x%2Fy"


def test_both_formats_of_time_are_parsed():
    time = datetime(2026, 11, 22, 14, 34, 24, tzinfo=UTC)
    assert parse_time("20261122T143424Z") == parse_time("Sun, 22 Nov 2026 14:34:24 GMT") == time
    assert parse_time("yesterday") is None
    assert (signing_date("20261122T143424Z"), signing_date("yesterday")) == ("20261122", "")
