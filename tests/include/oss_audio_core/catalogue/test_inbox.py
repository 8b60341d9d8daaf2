"""The inbox stores each message once and reading consumes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, inbox
from oss_audio_core.catalogue.conversions import retry
from oss_audio_core.catalogue.inbox import InboxMessage, known_outputs, store
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
        ours = {
            ("oss://media/a/歌.wav", "oss://media/staging/a/歌.wav-1.mp3"),
            ("oss://media/b.wav", "oss://media/staging/b.wav-1.mp3"),
        }
        foreign = {
            ("oss://media/a/歌.wav", "oss://media/staging/b.wav-1.mp3"),
            ("oss://other/b.wav", "oss://media/staging/b.wav-1.mp3"),
            ("oss://media/b.wav", "oss://other/staging/b.wav-1.mp3"),
            ("", ""),
        }
        assert known_outputs(connection, ours | foreign) == ours
        assert known_outputs(connection, foreign) == set()
        assert known_outputs(connection, []) == set()


def test_a_message_that_the_database_refuses_is_stored_as_unreadable_and_its_neighbours_as_they_are(
    catalogue: Catalogue,
) -> None:
    odd = InboxMessage("q", "odd", "T\ud800", "Succeeded", None, None, None)
    with catalogue.write() as connection:
        store(connection, [received("1", "T1"), odd, received("2", "T2")])
        rows = connection.execute(sa.select(notification).order_by(notification.c.id)).all()
    assert [row.task_id for row in rows] == ["T1", None, "T2"]
    assert rows[1].message_id == "odd"
    assert rows[1].message.startswith("the catalogue can't store it: UnicodeEncodeError")


def test_a_failure_that_a_message_tells_moves_nothing_and_can_be_refuted(
    catalogue: Catalogue, two_batches: tuple[int, int]
) -> None:
    one, _ = two_batches
    told = [InboxMessage("q", "m0", "T0", "Failed", "NoSuchKey", "no key", None), received("m1", "T1")]
    with catalogue.write() as connection:
        inbox.store(connection, told)
    applied = inbox.apply_to_shards(catalogue, [(one, 0)])
    assert (applied.moved, applied.said_failed) == (1, {(one, 0): 1})
    with catalogue.write() as connection:
        (doubtful,) = inbox.said_failed(connection)
        assert (doubtful.task_id, doubtful.state) == ("T0", State.SUBMITTED)
        inbox.refute(connection, ["T0"])
        assert inbox.said_failed(connection) == []
        # A later message counts anew.
        inbox.store(connection, told)
        assert len(inbox.said_failed(connection)) == 1


def test_news_reach_the_shards_that_were_asked_for_and_no_others(
    catalogue: Catalogue, two_batches: tuple[int, int]
) -> None:
    one, two = two_batches
    with catalogue.write() as connection:
        told = [InboxMessage("q", f"m{number}", f"T{number}", "Succeeded", None, None, None) for number in range(6)]
        inbox.store(connection, told)
    assert inbox.apply_to_shards(catalogue, [(two, 0), (one, 1), (one, 2)]).moved == 0
    assert inbox.apply_to_shards(catalogue, []).moved == 0
    assert inbox.apply_to_shards(catalogue, [(one, 0), (two, 0)]).moved == 2
    assert inbox.apply_to_shards(catalogue, [(one, 0), (one, 1), (one, 2)]).moved == 0
