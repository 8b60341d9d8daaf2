"""A writer compares the bucket with what was acknowledged."""

from __future__ import annotations

from typing import Any

from tools.chaos_cloud.contents import content_of
from tools.chaos_cloud.objects import Writer
from tools.chaos_cloud.worker import Findings
from tools.cloud_process import CloudProcess

SEED = 7


def test_a_missing_object_is_found(cloud: CloudProcess, bucket: Any):
    findings = Findings()
    writer = Writer("puts", cloud, SEED, findings)
    for _ in range(20):
        writer.step()
    writer.check()
    assert findings.problems == []
    there = next(h for h in writer.histories if content_of(SEED, h.key, h.acknowledged) is not None)
    bucket.delete_object(there.key)
    writer.check()
    assert [problem for problem in findings.problems if problem.startswith(there.key + ": lost")]
    writer.close()
