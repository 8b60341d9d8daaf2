"""Conditional headers of reads and copies."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given

from oss_local_cloud.interfaces import ObjectInfo
from oss_local_cloud.oss.preconditions import PreconditionResult, evaluate_preconditions
from tests.include.oss_local_cloud.oss.request_headers import HEADERS

NOW = datetime(2026, 11, 22, tzinfo=UTC)


INFO = ObjectInfo("bucket", "key", "0" * 32, 10, NOW, "text/plain", 0, "blob", {}, {})


@given(headers=HEADERS)
def test_any_condition_comes_to_an_outcome(headers: dict[str, str]):
    assert evaluate_preconditions(headers, INFO) in PreconditionResult
