"""The inbox stores each message once and reading consumes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, inbox
from oss_audio_core.catalogue.conversions import retry
from oss_audio_core.catalogue.inbox import InboxMessage, is_output, store
from oss_audio_core.catalogue.schema import notification
from tests.include.oss_audio_core.catalogue.rows import add_conversion, add_source

if TYPE_CHECKING:
    pass


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


def test_news_reach_the_shards_that_were_asked_for_and_no_others(
    catalogue: Catalogue, two_batches: tuple[int, int]
) -> None:
    one, two = two_batches
    with catalogue.write() as connection:
        told = [InboxMessage("q", f"m{number}", f"T{number}", "Succeeded", None, None, None) for number in range(6)]
        inbox.store(connection, told)
    assert inbox.apply_to_shards(catalogue, [(two, 0), (one, 1), (one, 2)]) == 0
    assert inbox.apply_to_shards(catalogue, []) == 0
    assert inbox.apply_to_shards(catalogue, [(one, 0), (two, 0)]) == 2
    assert inbox.apply_to_shards(catalogue, [(one, 0), (one, 1), (one, 2)]) == 0
