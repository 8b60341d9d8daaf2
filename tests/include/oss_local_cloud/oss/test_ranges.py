"""The Range header."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from oss_local_cloud.oss.errors import OssError
from oss_local_cloud.oss.ranges import parse_range

LATIN = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=60)


@given(header=LATIN | st.from_regex(r"bytes=[0-9]{0,22}-[0-9]{0,22}", fullmatch=True), size=st.integers(0, 100))
def test_any_range_lies_inside_the_object(header: str, size: int):
    for standard in (False, True):
        with contextlib.suppress(OssError):
            part = parse_range(header, size, standard=standard)
            if part is not None:
                start, length = part
                assert 0 <= start < size
                assert 1 <= length <= size - start
