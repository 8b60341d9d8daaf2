"""MD5 and CRC-64 of content."""

from __future__ import annotations

import oss2
from hypothesis import given
from hypothesis import strategies as st

from oss_local_cloud.store.checksums import Checksums, combine_crc64


def test_checksums_are_the_standard_ones():
    sums = Checksums()
    sums.update(b"12345")
    sums.update(b"6789")
    assert sums.crc64 == 0x995DC9BBDF1939FA  # the check value of CRC-64/XZ
    assert sums.etag == "25F9E794323B453885F5181F1B624D0B"
    assert sums.size == 9


def sums_of(content: bytes) -> Checksums:
    sums = Checksums()
    sums.update(content)
    return sums


@given(first=st.binary(max_size=300), second=st.binary(max_size=300), zeros=st.integers(0, 1 << 40))
def test_crc64_of_two_texts_is_combined_as_the_sdk_combines_it(first: bytes, second: bytes, zeros: int):
    one, two = sums_of(first), sums_of(second)
    assert combine_crc64(one.crc64, two.crc64, len(second)) == sums_of(first + second).crc64
    combine = oss2.crc64_combine.mkCombineFun(0x142F0E1EBA9EA3693, 0, True, 0xFFFFFFFFFFFFFFFF)
    assert combine_crc64(one.crc64, two.crc64, zeros + 1) == combine(one.crc64, two.crc64, zeros + 1)
