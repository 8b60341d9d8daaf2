"""The inbox takes each message once and consumes nothing; a lease has one holder at a time."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, leases
from oss_audio_core.catalogue.conversions import retry
from oss_audio_core.catalogue.inbox import InboxMessage, is_output, store
from oss_audio_core.catalogue.schema import notification
from tests.include.oss_audio_core.catalogue.rows import add_conversion, add_source


def received(message_id: str, task_id: str | None = "T", status: str | None = "Succeeded") -> InboxMessage:
    return InboxMessage("q", message_id, task_id, status, None, None, b"?" if task_id is None else None)


def test_a_repeated_message_is_written_once(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        store(connection, [received("1"), received("2"), received("3", status="Failed")])
        store(connection, [received("1")])
        assert connection.scalar(sa.select(sa.func.count()).select_from(notification)) == 2


def test_undecodable_messages_are_kept_each_once_with_their_bytes(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        store(connection, [received("1", None, None), received("2", None, None), received("1", None, None)])
        bodies = connection.scalars(sa.select(notification.c.body)).all()
        assert [bytes(body) for body in bodies] == [b"?", b"?"]


def test_an_output_is_known_by_its_source_and_its_key_also_of_an_earlier_attempt(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        for key in ("a/歌.wav", "b.wav"):
            placed = {"output_bucket": "media", "output_key": f"staging/{key}-1.mp3"}
            row = add_conversion(connection, add_source(connection, key), key, State.FAILED, **placed)
        retry(connection, [row])
        assert is_output(connection, "oss://media/a/歌.wav", "oss://media/staging/a/歌.wav-1.mp3")
        assert is_output(connection, "oss://media/b.wav", "oss://media/staging/b.wav-1.mp3")
        assert not is_output(connection, "oss://media/a/歌.wav", "oss://media/staging/b.wav-1.mp3")
        assert not is_output(connection, "oss://other/b.wav", "oss://media/staging/b.wav-1.mp3")
        assert not is_output(connection, "oss://media/b.wav", "oss://other/staging/b.wav-1.mp3")
        assert not is_output(connection, "", "")


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
