"""Lost parts and appends are found."""

from __future__ import annotations

from typing import Any

from tools.chaos_cloud.uploads import Appender, Multipart
from tools.chaos_cloud.worker import Findings
from tools.cloud_process import CloudProcess

SEED = 7


def test_an_upload_whose_acknowledged_parts_are_gone_is_found(cloud: CloudProcess, bucket: Any):
    findings = Findings()
    client = Multipart("parts", cloud, SEED, findings)
    for _ in range(60):
        if "parts acknowledged" not in findings.counts:
            client.step()
    for upload in bucket.list_multipart_uploads(prefix="parts/").upload_list:
        bucket.abort_multipart_upload(upload.key, upload.upload_id)
    client.step()
    assert any("the upload is lost, with 1 acknowledged parts" in problem for problem in findings.problems)
    client.close()


def test_an_append_that_is_gone_is_found(cloud: CloudProcess, bucket: Any):
    findings = Findings()
    client = Appender("appends", cloud, SEED, findings)
    for _ in range(3):
        client.step()
    client.check()
    assert findings.problems == []
    (only,) = [one.key for one in bucket.list_objects_v2(prefix="appends/").object_list]
    bucket.delete_object(only)
    client.check()
    assert findings.problems != []
    client.close()
