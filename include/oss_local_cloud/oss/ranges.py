"""The Range header as OSS reads it.

By default a range that is not inside the object is ignored, and the whole object is sent with 200. With
`x-oss-range-behavior: standard` the range is clamped to the object, and a range that begins after its end is
refused with 416 ("GetObject", range behaviour).
"""

from __future__ import annotations

import re

from oss_local_cloud.oss.errors import OssError

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)


def parse_range(header: str | None, size: int, *, standard: bool) -> tuple[int, int] | None:
    """First byte and length of the part asked for, None for the whole object.

    Raises:
        OssError: InvalidRange.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        start, end = size - int(last), size - 1
        fits = 0 < int(last) <= size
        start = max(start, 0)
    else:
        start, end = int(first), int(last) if last else size - 1
        if last and end < start:
            return None
        fits = end < size and start < size
    if fits:
        return start, end - start + 1
    if not standard:
        return None
    if start >= size:
        raise OssError(416, "InvalidRange", "The requested range cannot be satisfied.")
    return start, min(end, size - 1) - start + 1
