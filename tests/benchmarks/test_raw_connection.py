"""Bodies stream both ways over one connection."""

from __future__ import annotations

import io
from typing import Any

from benchmarks.raw_connection import connected
from benchmarks.signed_requests import signed_request


def port_of(cloud: Any) -> int:
    return int(cloud.oss.rpartition(":")[2])


def test_bodies_stream_both_ways(local_cloud: Any):
    content = io.BytesIO(bytes(range(256)) * 20_000)
    host, size = local_cloud.oss.removeprefix("http://"), len(content.getvalue())
    with connected(port_of(local_cloud)) as connection:
        head = signed_request("PUT", host, local_cloud.bucket, "streamed", length=size)
        assert connection.fetch(head, iter(lambda: content.read(100_000), b"")) == b""
        got = connection.fetch(signed_request("GET", host, local_cloud.bucket, "streamed"))
    assert got == content.getvalue()
