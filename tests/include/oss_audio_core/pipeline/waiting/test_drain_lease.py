"""One process drains a queue at a time; another one takes over when the lease is released."""

from __future__ import annotations

from oss_audio_core.catalogue import Catalogue
from oss_audio_core.pipeline.waiting.drain_lease import DrainLease


def test_one_holder_renews_the_lease_until_it_is_released(catalogue: Catalogue) -> None:
    one, other = DrainLease(catalogue, "q"), DrainLease(catalogue, "q")
    assert one.acquire()
    assert not other.acquire()
    assert one.acquire()
    one.release()
    assert other.acquire()
    assert not one.acquire()


def test_only_the_holder_releases_the_lease(catalogue: Catalogue) -> None:
    one, other, third = (DrainLease(catalogue, "q") for _ in range(3))
    assert one.acquire()
    other.release()
    assert not third.acquire()


def test_each_queue_has_a_lease_of_its_own(catalogue: Catalogue) -> None:
    assert DrainLease(catalogue, "q").acquire()
    assert DrainLease(catalogue, "r").acquire()
