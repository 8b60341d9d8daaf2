"""The moves of `states.MOVES`, each one guarded UPDATE: of two competing processes, the second changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from oss_audio_core.catalogue.database import Catalogue, clock, now
from oss_audio_core.catalogue.history import record_attempts
from oss_audio_core.catalogue.schema import batch_conversion, conversion, source
from oss_audio_core.catalogue.states import MOVES, Guard, State, Verb
from oss_audio_core.catalogue.storable import storable

CHUNK = 1000
"""How many ids go into one statement: SQLite allows 32,766 parameters, PostgreSQL 65,535."""

RETRY_DELAY = timedelta(hours=1)
"""Delay before a later run plans a failed conversion again; doubled with every attempt."""

_RESET_COLUMNS = (
    "token",
    "lease_until",
    "output_bucket",
    "output_key",
    "output_etag",
    "output_size",
    "claimed_at",
    "submitted_at",
    "deadline_at",
    "measured",
    "code",
    "message",
    "retry_at",
)
"""Columns about the current attempt: the next attempt begins with nulls in them."""

_RENDITION = ("bucket", "key", "profile", "target_bucket")
"""The columns that identify a rendition of a source: all its generations share them."""


@dataclass(frozen=True)
class Attempt:
    """One attempt of one conversion. A result is about an attempt: the conversion may be at its next one meanwhile."""

    id: int
    number: int


@dataclass(frozen=True)
class Conversion:
    """One conversion as the steps after planning need it: what to read, what to make, where to put it."""

    id: int
    source_id: int
    bucket: str
    key: str
    etag: str
    source_size: int
    source_probe: dict[str, Any] | None
    profile: str
    process: str
    target_bucket: str
    target_key: str
    publish: str
    generation: int
    newest: bool
    state: State
    attempt: int
    output_bucket: str | None
    output_key: str | None
    task_id: str | None
    claimed_at: datetime | None
    submitted_at: datetime | None
    deadline_at: datetime | None
    output_etag: str | None
    output_size: int | None
    measured: dict[str, Any] | None
    code: str | None
    message: str | None
    created_at: datetime
    shard: int

    @property
    def this_attempt(self) -> Attempt:
        """The attempt at which it was read."""
        return Attempt(self.id, self.attempt)


class MissingGuardValue(TypeError):
    """A move was called without the value that one of its guards compares."""


def move(
    connection: Connection,
    verb: Verb,
    which: int | Attempt | Iterable[int | Attempt],
    *,
    held: str | None = None,
    **values: Any,
) -> int:
    """Make one move on the given conversions, in one guarded statement per thousand ids.

    Args:
        connection: an open transaction of the catalogue.
        verb: the move.
        which: one conversion or many, by id, or by attempt, which must then still be the current one (required by
            the moves that guard on it). Conversions in a state that the move doesn't start from stay as they are.
        held: token of the caller's claim; required by the moves that guard on it, and compared there.
        **values: further columns to set. Characters that a database can't store are replaced in texts.

    Returns:
        How many conversions moved.
    """
    step = MOVES[verb]
    if Guard.TOKEN in step.guards and held is None:
        raise MissingGuardValue(f"{verb} needs the token of the claim")
    given = {name: storable(value) if isinstance(value, str) else value for name, value in values.items()}
    given |= {"state": step.target.value, "changed_at": now()}
    computed = {name: value for name, value in given.items() if isinstance(value, sa.ClauseElement)}
    parameters: dict[str, Any] = {f"new_{name}": value for name, value in given.items() if name not in computed}
    if Guard.TOKEN in step.guards:
        parameters["held"] = held
    moved = 0
    for number, ids in _by_attempt(which):
        if number is None and Guard.ATTEMPT in step.guards:
            raise MissingGuardValue(f"{verb} needs the attempt it is about")
        statement = _move_statement(verb, number is not None, tuple(name for name in given if name not in computed))
        if Guard.LEASE_EXPIRED in step.guards:
            statement = statement.where(conversion.c.lease_until < clock(connection))
        if computed:
            statement = statement.values(computed)
        for start in range(0, len(ids), CHUNK):
            about = {"ids": ids[start : start + CHUNK]} | ({} if number is None else {"at_attempt": number})
            moved += connection.execute(statement, parameters | about).rowcount
    return moved


@cache
def _move_statement(verb: Verb, at_attempt: bool, names: tuple[str, ...]) -> sa.Update:
    """A move's statement with all guards but the lease's. It is cached: compiling costs more than executing.

    Its parameters are `ids`, `held`, `at_attempt`, and `new_…` for each of the named columns.
    """
    step = MOVES[verb]
    conditions: list[sa.ColumnElement[bool]] = [
        conversion.c.id.in_(sa.bindparam("ids", expanding=True)),
        conversion.c.state.in_([state.value for state in sorted(step.sources)]),
    ]
    if Guard.TOKEN in step.guards:
        conditions.append(conversion.c.token == sa.bindparam("held"))
    if Guard.UNREPLACED in step.guards:
        newer = conversion.alias("newer")
        published = newer.c.state == State.PUBLISHED.value, newer.c.id > conversion.c.id
        conditions += [~sa.exists().where(same, *published) for same in shares_place(newer, conversion)]
    if Guard.ATTEMPTS_LEFT in step.guards:
        conditions.append(conversion.c.attempt < conversion.c.max_attempts)
    if Guard.ATTEMPTS_SPENT in step.guards:
        conditions.append(conversion.c.attempt >= conversion.c.max_attempts)
    if at_attempt:
        conditions.append(conversion.c.attempt == sa.bindparam("at_attempt"))
    columns = {name: sa.bindparam(f"new_{name}", type_=conversion.c[name].type) for name in names}
    return sa.update(conversion).where(*conditions).values(columns)


def move_from(connection: Connection, state: State, verb: Verb, attempt: Attempt, **values: Any) -> State:
    """Make a move if the attempt still stands in the given state: a compare-and-set.

    The state is one of those that the move may start from. A step works on rows that it read some time before. A second
    run of the same step may have moved a row since: what that run published must not be superseded or quarantined.

    Returns:
        The state in which the conversion stands now.
    """
    statement = sa.select(conversion.c.state).where(conversion.c.id == attempt.id).with_for_update()
    current = State(connection.execute(statement).scalar_one())
    if current is state and move(connection, verb, attempt, **values):
        return MOVES[verb].target
    return current


def _by_attempt(which: int | Attempt | Iterable[int | Attempt]) -> list[tuple[int | None, list[int]]]:
    """Ids by the number of their attempt; None: any attempt.

    The order is the same in every process: two transactions that write the same rows must not deadlock.
    """
    found: defaultdict[int | None, list[int]] = defaultdict(list)
    for one in [which] if isinstance(which, int | Attempt) else which:
        if isinstance(one, Attempt):
            found[one.number].append(one.id)
        else:
            found[None].append(one)
    return [(number, sorted(found[number])) for number in sorted(found, key=lambda number: number or 0)]


def is_same_rendition(one: sa.FromClause, other: sa.FromClause | Conversion) -> sa.ColumnElement[bool]:
    """Whether a row is a generation of the same rendition as another row, or as a conversion."""
    if isinstance(other, Conversion):
        return sa.and_(*(one.c[name] == getattr(other, name) for name in _RENDITION))
    return sa.and_(*(one.c[name] == other.c[name] for name in _RENDITION))


def shares_place(one: sa.FromClause, other: sa.FromClause | Conversion) -> list[sa.ColumnElement[bool]]:
    """Whether a row publishes in the place of another one: as the same rendition, or at the same final key.

    A former owner of the final key may be another source or profile that is gone. Of the rows in one place, that with
    the higher id was planned later.

    Returns:
        Two conditions for two statements: each of them uses an index, and an OR of them none.
    """
    its = other if isinstance(other, Conversion) else other.c
    target = (one.c[name] == getattr(its, name) for name in ("target_bucket", "target_key"))
    return [is_same_rendition(one, other), sa.and_(*target)]


def claim(
    connection: Connection,
    verb: Verb,
    ids: Sequence[int],
    *,
    token: str,
    lease_until: datetime,
    endpoint: str | None = None,
) -> list[Conversion]:
    """Claim conversions for submitting.

    Args:
        connection: an open transaction of the catalogue.
        verb: CLAIM for planned conversions, RECLAIM for those whose lease is over.
        ids: of the conversions.
        token: new for every call; later moves of the same claim present it.
        lease_until: end of the claim, by this machine's clock.
        endpoint: OSS endpoint that they are submitted to; required with CLAIM.

    Returns:
        The claimed conversions, without those that another process claimed meanwhile.
    """
    values: dict[str, Any] = {"claimed_at": now(), "endpoint": endpoint} if verb is Verb.CLAIM else {}
    # Given by this machine's clock, stored and compared by the database's.
    ends = clock(connection, lease_until - now())
    move(connection, verb, ids, token=token, lease_until=ends, **values)
    mine = conversion.c.id.in_(ids), conversion.c.token == token, conversion.c.state == State.SUBMITTING.value
    return fetch(connection, *mine)


def record_outputs(connection: Connection, claimed: Sequence[Conversion]) -> None:
    """Record the bucket and the key that each claimed attempt writes to, as given in the conversions."""
    if not claimed:
        return
    statement = sa.update(conversion).where(conversion.c.id == sa.bindparam("claimed"))
    outputs = [{"claimed": one.id, "output_bucket": one.output_bucket, "output_key": one.output_key} for one in claimed]
    connection.execute(statement, outputs)


def renew(connection: Connection, ids: Sequence[int], *, token: str, lease: timedelta) -> int:
    """Extend a claim to end `lease` from now, for the conversions that it still holds. Their state doesn't change.

    Returns:
        How many conversions the claim still holds.
    """
    renewed = 0
    for start in range(0, len(ids), CHUNK):
        mine = (
            conversion.c.id.in_(ids[start : start + CHUNK]),
            conversion.c.token == token,
            conversion.c.state == State.SUBMITTING.value,
        )
        statement = sa.update(conversion).where(*mine).values(lease_until=clock(connection, lease))
        renewed += connection.execute(statement).rowcount
    return renewed


def record_superseded_task(connection: Connection, conversion_id: int, *, token: str, task_id: str) -> None:
    """Store the task of a claim whose conversion has left `submitting`, so that its messages are recognised."""
    mine = conversion.c.id == conversion_id, conversion.c.token == token
    connection.execute(sa.update(conversion).where(*mine).values(task_id=storable(task_id)))


def forget_outputs(connection: Connection, outputs: Sequence[tuple[int, str]]) -> None:
    """Clear the output keys of conversions whose staged objects were removed.

    Args:
        connection: an open transaction of the catalogue.
        outputs: id and output key of each, at most `CHUNK`. A conversion that has another key meanwhile keeps it.
    """
    connection.execute(
        sa.update(conversion)
        # The id by itself as well: for pairs alone, SQLite reads the whole table.
        .where(conversion.c.id.in_([number for number, _ in outputs]))
        .where(sa.tuple_(conversion.c.id, conversion.c.output_key).in_(outputs))
        .values(output_key=None)
    )


def next_retry(attempt: int) -> datetime:
    """When a conversion that fails now at this attempt may be planned again."""
    return now() + RETRY_DELAY * float(2 ** (attempt - 1))


def retry(connection: Connection, ids: Sequence[int]) -> int:
    """Plan failed or quarantined conversions again: the next attempt, with a staging key of its own.

    The current attempt is recorded (`history`). The TaskId stays until the next attempt has one: the search for a lost
    submit to the same target must not find the old task.
    """
    return _next_attempt(connection, Verb.RETRY, ids)


def revive(connection: Connection, ids: Sequence[int], *, attempts: int) -> int:
    """Plan conversions without attempts left again, as `retry` does, with more attempts."""
    return _next_attempt(connection, Verb.REVIVE, ids, max_attempts=conversion.c.attempt + attempts)


def _next_attempt(connection: Connection, verb: Verb, ids: Sequence[int], **values: Any) -> int:
    moved = 0
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        record_attempts(connection, verb, chunk)
        moved += move(
            connection, verb, chunk, attempt=conversion.c.attempt + 1, **dict.fromkeys(_RESET_COLUMNS), **values
        )
    return moved


def fetch(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Conversion]:
    """Conversions with their sources, by id."""
    statement = (
        sa.select(conversion, source.c.etag, source.c.size, source.c.probe)
        .join(source, source.c.id == conversion.c.source_id)
        .where(*conditions)
        .order_by(conversion.c.id)
    )
    return [_typed(row, shard=0) for row in connection.execute(statement)]


def of_batch(
    connection: Connection,
    batch_id: int,
    states: Iterable[State],
    *,
    shard: int | None = None,
    limit: int | None = None,
) -> list[Conversion]:
    """The conversions of a batch, or of one shard of it, that are in one of the states."""
    statement = (
        sa.select(conversion, source.c.etag, source.c.size, source.c.probe, batch_conversion.c.shard)
        .join(batch_conversion, batch_conversion.c.conversion_id == conversion.c.id)
        .join(source, source.c.id == conversion.c.source_id)
        .where(batch_conversion.c.batch_id == batch_id, conversion.c.state.in_([state.value for state in states]))
        .order_by(batch_conversion.c.ordinal)
        .limit(limit)
    )
    if shard is not None:
        statement = statement.where(batch_conversion.c.shard == shard)
    return [_typed(row, shard=row.shard) for row in connection.execute(statement)]


def pages_of_batch(
    catalogue: Catalogue, batch_id: int, states: Iterable[State], *, shard: int | None = None
) -> Iterator[list[Conversion]]:
    """The conversions of a batch, or of one shard of it, in one of the states: in pages of a thousand or a few more.

    All conversions of a source are on one page. Only ids of later pages are in memory. A page is read when it is
    requested, without the conversions that have left the states by then.
    """
    wanted = [state.value for state in states]
    statement = (
        sa.select(conversion.c.source_id, conversion.c.id)
        .join(batch_conversion, batch_conversion.c.conversion_id == conversion.c.id)
        .where(batch_conversion.c.batch_id == batch_id, conversion.c.state.in_(wanted))
        .order_by(conversion.c.source_id, conversion.c.id)
    )
    if shard is not None:
        statement = statement.where(batch_conversion.c.shard == shard)
    with catalogue.read() as connection:
        found = connection.execute(statement).all()
    page: list[int] = []
    for _, of_one_source in groupby(found, key=lambda row: row.source_id):
        page += [row.id for row in of_one_source]
        if len(page) >= CHUNK:
            yield _page(catalogue, page, wanted)
            page = []
    if page:
        yield _page(catalogue, page, wanted)


def _page(catalogue: Catalogue, ids: list[int], states: list[str]) -> list[Conversion]:
    with catalogue.read() as connection:
        return fetch(connection, conversion.c.id.in_(ids), conversion.c.state.in_(states))


def count_states(connection: Connection, batch_id: int, *, shard: int | None = None) -> dict[State, int]:
    """The number of conversions of a batch, or of one shard of it, by state. States without any are left out."""
    statement = (
        sa.select(conversion.c.state, sa.func.count())
        .join(batch_conversion, batch_conversion.c.conversion_id == conversion.c.id)
        .where(batch_conversion.c.batch_id == batch_id)
        .group_by(conversion.c.state)
    )
    if shard is not None:
        statement = statement.where(batch_conversion.c.shard == shard)
    return {State(state): count for state, count in connection.execute(statement)}


def _typed(row: Row[Any], *, shard: int) -> Conversion:
    return Conversion(
        id=row.id,
        source_id=row.source_id,
        bucket=row.bucket,
        key=row.key,
        etag=row.etag,
        source_size=row.size,
        source_probe=row.probe,
        profile=row.profile,
        process=row.process,
        target_bucket=row.target_bucket,
        target_key=row.target_key,
        publish=row.publish,
        generation=row.generation,
        newest=row.newest,
        state=State(row.state),
        attempt=row.attempt,
        output_bucket=row.output_bucket,
        output_key=row.output_key,
        task_id=row.task_id,
        claimed_at=row.claimed_at,
        submitted_at=row.submitted_at,
        deadline_at=row.deadline_at,
        output_etag=row.output_etag,
        output_size=row.output_size,
        measured=row.measured,
        code=row.code,
        message=row.message,
        created_at=row.created_at,
        shard=shard,
    )
