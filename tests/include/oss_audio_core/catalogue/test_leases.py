"""A lease has one holder at a time."""

from __future__ import annotations

from datetime import timedelta

from oss_audio_core.catalogue import Catalogue, leases


def test_a_lease_is_held_by_one_renewed_given_back_and_lost(catalogue: Catalogue) -> None:
    minute, over = timedelta(minutes=1), timedelta(seconds=-1)
    with catalogue.write() as connection:
        assert leases.acquire(connection, "drain q", "one", minute)
        assert not leases.acquire(connection, "drain q", "two", minute)
        assert leases.acquire(connection, "drain q", "one", minute)
        leases.release(connection, "drain q", "two")
        assert not leases.acquire(connection, "drain q", "two", minute)
        leases.release(connection, "drain q", "one")
        assert leases.acquire(connection, "drain q", "two", over)
        assert leases.acquire(connection, "drain q", "three", minute)
