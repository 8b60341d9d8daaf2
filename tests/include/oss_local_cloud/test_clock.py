"""The cloud's clock runs with the machine's, ahead or behind by its offset."""

from __future__ import annotations

import time

from oss_local_cloud.clock import CloudClock


def test_the_offset_moves_the_clock() -> None:
    clock = CloudClock()
    assert abs(clock() - time.time()) < 5
    clock.offset = 3600.0
    assert 3595 < clock() - time.time() < 3605
    assert clock.now().utcoffset() is not None
    assert abs(clock.now().timestamp() - clock()) < 5
