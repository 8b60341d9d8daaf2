"""Reading objects for verification, from the real local cloud: whole, in parts, and as a listing shows them."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import oss2
import pytest

from oss_audio_core.pipeline.fetching import Reader

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps
    from tests.include.oss_audio_core.pipeline.proxy import Proxy


@pytest.fixture
def reader(steps: Steps) -> Reader:
    return Reader(steps.oss)


def test_an_object_is_fetched_with_its_checksum(steps: Steps, reader: Reader) -> None:
    content = bytes(range(256)) * 4096
    steps.put("a.bin", content)
    file = io.BytesIO()
    fetched = reader.fetch(steps.bucket, steps.prefix + "a.bin", file)
    there = steps.oss.bucket(steps.bucket).head_object(steps.prefix + "a.bin")
    assert file.getvalue() == content
    assert fetched.whole
    assert (fetched.etag, fetched.crc64) == (there.etag, str(there.server_crc))
    assert (fetched.stored.size, fetched.stored.crc64) == (len(content), there.server_crc)


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 100_000])
def test_ranges_give_the_total_size(steps: Steps, reader: Reader, content: bytes) -> None:
    steps.put("a.bin", content)
    ranges = reader.in_ranges(steps.bucket, steps.prefix + "a.bin")
    assert ranges(0, 1000) == (content[:1000], len(content))
    assert ranges.etag == steps.oss.bucket(steps.bucket).head_object(steps.prefix + "a.bin").etag


def test_a_second_range_of_another_content_is_refused(steps: Steps, reader: Reader) -> None:
    steps.put("a.bin", b"x" * 1000)
    ranges = reader.in_ranges(steps.bucket, steps.prefix + "a.bin")
    ranges(0, 10)
    steps.put("a.bin", b"y" * 1000)
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        ranges(10, 10)


def test_looking_up_shows_what_is_there_and_leaves_out_what_is_not(steps: Steps, reader: Reader) -> None:
    names = ["a", "a.wav", "a.wav.waveform.json", "b/c 歌.wav", "é", "\U0001f600"]
    for number, name in enumerate(names):
        steps.put(name, b"x" * number)
    keys = [steps.prefix + name for name in names]
    found = reader.look_up(steps.bucket, [*keys, steps.prefix + "a.wa", steps.prefix + "zz"])
    assert {key: one.size for key, one in found.items()} == {key: number for number, key in enumerate(keys)}
    assert found[keys[1]].etag == steps.oss.bucket(steps.bucket).head_object(keys[1]).etag
    assert reader.look_up(steps.bucket, []) == {}


def test_a_page_of_a_listing_serves_many_and_gaps_are_leapt_over(steps: Steps, oss_proxy: Proxy) -> None:
    bucket = steps.oss.bucket(steps.bucket)
    for number in range(1100):
        bucket.put_object(f"{steps.prefix}{number:04}", b"")
    reader = Reader(replace(steps.oss, endpoint=oss_proxy.address))
    dense = [f"{steps.prefix}{number:04}" for number in range(900)]
    assert set(reader.look_up(steps.bucket, dense)) == set(dense)
    assert len(oss_proxy.requests) == 1
    oss_proxy.requests.clear()
    apart = [f"{steps.prefix}0", f"{steps.prefix}0000", f"{steps.prefix}1", f"{steps.prefix}1090"]
    assert set(reader.look_up(steps.bucket, apart)) == {apart[1], apart[3]}
    assert len(oss_proxy.requests) == 2
    oss_proxy.requests.clear()
    assert set(reader.look_up(steps.bucket, apart[3:])) == {apart[3]}
    assert reader.look_up(steps.bucket, apart[:1]) == {}
    assert len(oss_proxy.requests) == 2
