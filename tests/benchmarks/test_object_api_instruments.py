"""The instruments of the object API's benchmark do what their figures say: signed requests, loads, pages, streams."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import oss2
import pytest

from benchmarks import raw_client
from benchmarks.long_listing import PER_FOLDER, key_of, measure_pages
from benchmarks.object_api import BUCKET
from benchmarks.raw_connection import connected
from benchmarks.signed_requests import signed_request
from benchmarks.streamed_object import measure_memory


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


def test_bodies_stream_both_ways(local_cloud: Any):
    content = io.BytesIO(bytes(range(256)) * 20_000)
    host, size = local_cloud.oss.removeprefix("http://"), len(content.getvalue())
    with connected(port_of(local_cloud)) as connection:
        head = signed_request("PUT", host, local_cloud.bucket, "streamed", length=size)
        assert connection.fetch(head, iter(lambda: content.read(100_000), b"")) == b""
        got = connection.fetch(signed_request("GET", host, local_cloud.bucket, "streamed"))
    assert got == content.getvalue()


def test_pages_are_full_wherever_they_are(tmp_path: Path):
    # A page that is not full raises; folds of ten keys make a page of a thousand entries of ten thousand keys.
    pages = measure_pages(tmp_path / "data", BUCKET, 20_000)
    assert len(pages) == 6
    assert key_of(0) < key_of(PER_FOLDER - 1) < key_of(PER_FOLDER) < key_of(10**7)


def test_what_streams_out_is_what_went_in(tmp_path: Path):
    memory = measure_memory(tmp_path / "data", BUCKET, 3_000_001)
    assert 0 < memory.idle <= memory.peak
