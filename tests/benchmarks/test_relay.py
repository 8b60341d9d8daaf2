"""Requests pass a relay unchanged and are counted by kind."""

from __future__ import annotations

import os
import time
from typing import Any

from oss2 import Bucket, ProviderAuthV4
from oss2.credentials import StaticCredentialsProvider

from benchmarks.relay import HOST, Requests, relays
from tools.stack.ports import free_port


def test_requests_are_counted_by_kind_and_pass_unchanged(local_cloud: Any) -> None:
    port, target = free_port(), int(local_cloud.oss.rsplit(":", 1)[1])
    requests = Requests()
    with relays({"oss": (port, target)}, requests):
        auth = ProviderAuthV4(StaticCredentialsProvider(local_cloud.access_key_id, local_cloud.access_key_secret))
        bucket: Any = Bucket(auth, f"http://{HOST}:{port}", local_cloud.bucket, region=local_cloud.region)
        content = os.urandom(300_000)
        bucket.put_object("relay/a b", content)
        assert bucket.get_object("relay/a b").read() == content
        bucket.list_objects_v2(prefix="relay/")
        bucket.batch_delete_objects(["relay/a b"])
    kinds = requests.between(0, time.time() + 1)
    assert kinds == ["oss PUT", "oss GET", "oss GET list-type", "oss POST delete"]
    assert requests.between(0, requests.seen[0][0]) == []
