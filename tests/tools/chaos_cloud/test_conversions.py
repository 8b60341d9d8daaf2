"""A repeated or lost conversion is found."""

from __future__ import annotations

from typing import Any

from tools.chaos_cloud.conversions import Submitter, put_source
from tools.chaos_cloud.worker import Findings
from tools.cloud_process import CloudProcess

SEED = 7


def test_a_conversion_that_is_done_again_or_lost_is_found(cloud: CloudProcess, bucket: Any):
    put_source(cloud)
    findings = Findings()
    submitter = Submitter("submits", cloud, SEED, findings)
    for _ in range(2):
        submitter.step()
    submitter.check()
    assert findings.problems == []
    again, lost = submitter.targets.values()
    submitter.removed.add(again)
    bucket.delete_object(lost)
    submitter.check()
    assert [problem.partition(":")[0] for problem in findings.problems] == [again, lost]
    submitter.close()
