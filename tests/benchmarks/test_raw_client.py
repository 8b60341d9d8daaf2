"""A load sends every request once and ends at an unexpected answer."""

from __future__ import annotations

from typing import Any

import oss2
import pytest

from benchmarks import raw_client
from benchmarks.signed_requests import signed_request


def port_of(cloud: Any) -> int:
    return int(cloud.oss.rpartition(":")[2])


def bucket_of(cloud: Any) -> Any:
    auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    return oss2.Bucket(auth, cloud.oss, cloud.bucket, region=cloud.region, session=oss2.Session())


def test_every_request_of_a_load_is_sent_once(local_cloud: Any):
    names = [f"load/{number} é" for number in range(20)]
    host = local_cloud.oss.removeprefix("http://")
    requests = [signed_request("PUT", host, local_cloud.bucket, name, body=name.encode()) for name in names]
    load = raw_client.run(port_of(local_cloud), requests, connections=3)
    assert load.requests == 20
    bucket = bucket_of(local_cloud)
    assert {name: bucket.get_object(name).read().decode() for name in names} == {name: name for name in names}
    bucket.session.session.close()


def test_a_refused_request_ends_a_load(local_cloud: Any):
    host = local_cloud.oss.removeprefix("http://")
    request = signed_request("GET", host, local_cloud.bucket, "never there")
    with pytest.raises(raw_client.UnexpectedAnswer, match="404"):
        raw_client.run(port_of(local_cloud), [request], connections=1)
