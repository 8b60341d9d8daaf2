"""The life of a conversion: its states, and the one table of moves between them.

Every change of state anywhere in the product is one of these moves, and each move is one guarded UPDATE
(`oss_audio_core.catalogue.conversions`). The table is data so that a test can walk every state against every verb.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a conversion stands."""

    PLANNED = "planned"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    CONVERTED = "converted"
    VERIFIED = "verified"
    PUBLISHED = "published"
    FAILED = "failed"
    DEAD = "dead"
    QUARANTINED = "quarantined"
    SUPERSEDED = "superseded"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


ACTIVE = frozenset({State.PLANNED, State.SUBMITTING, State.SUBMITTED, State.CONVERTED, State.VERIFIED})
"""States that a step of a batch still has to work on."""

IN_FLIGHT = frozenset({State.SUBMITTING, State.SUBMITTED})
"""States in which the service has, or may have, a task of the conversion."""

FAILED_STATES = frozenset({State.FAILED, State.DEAD, State.QUARANTINED})
"""Ends that count against a batch."""


class Verb(StrEnum):
    """The moves of a conversion from one state to another."""

    CLAIM = "claim"
    RECLAIM = "reclaim"
    ACCEPT = "accept"
    RELEASE = "release"
    REJECT = "reject"
    ADOPT = "adopt"
    COMPLETE = "complete"
    FAIL = "fail"
    VERIFY = "verify"
    QUARANTINE = "quarantine"
    PUBLISH = "publish"
    SUPERSEDE = "supersede"
    RETRY = "retry"
    MARK_DEAD = "mark_dead"
    REVIVE = "revive"
    CANCEL = "cancel"


class Guard(StrEnum):
    """A condition a move's UPDATE carries besides the state it starts from."""

    TOKEN = "token"  # noqa: S105 - the row still belongs to the claim that the caller holds
    ATTEMPT = "attempt"  # the row is still at the attempt that the caller names
    LEASE_EXPIRED = "lease_expired"  # the lease of the claim is over
    UNREPLACED = "unreplaced"  # nothing that was planned later is published in its place
    ATTEMPTS_LEFT = "attempts_left"
    ATTEMPTS_SPENT = "attempts_spent"


@dataclass(frozen=True)
class Move:
    """One line of the transition table.

    Attributes:
        sources: states the move may start from.
        target: state it ends in.
        guards: further conditions, all of which must hold in the same statement.
        step: the step that makes the move.
    """

    sources: frozenset[State]
    target: State
    guards: frozenset[Guard]
    step: str


def _move(sources: set[State], target: State, step: str, *guards: Guard) -> Move:
    return Move(frozenset(sources), target, frozenset(guards), step)


MOVES: Mapping[Verb, Move] = MappingProxyType(
    {
        Verb.CLAIM: _move({State.PLANNED}, State.SUBMITTING, "submit"),
        # A process died during a submit: its claim is taken over, and reconciled, when its lease is over.
        Verb.RECLAIM: _move({State.SUBMITTING}, State.SUBMITTING, "submit", Guard.LEASE_EXPIRED),
        Verb.ACCEPT: _move({State.SUBMITTING}, State.SUBMITTED, "submit", Guard.TOKEN),
        # Certain that the service took nothing: the row goes back, the attempt does not grow.
        Verb.RELEASE: _move({State.SUBMITTING}, State.PLANNED, "submit", Guard.TOKEN),
        Verb.REJECT: _move({State.SUBMITTING}, State.FAILED, "submit", Guard.TOKEN),
        # The output of a submit whose answer was lost stands at the attempt's own key.
        Verb.ADOPT: _move({State.SUBMITTING}, State.CONVERTED, "submit", Guard.TOKEN),
        # A result of one attempt doesn't apply to the next one, which may be in the same state.
        Verb.COMPLETE: _move({State.SUBMITTED}, State.CONVERTED, "await", Guard.ATTEMPT),
        Verb.FAIL: _move({State.SUBMITTED}, State.FAILED, "await", Guard.ATTEMPT),
        Verb.VERIFY: _move({State.CONVERTED}, State.VERIFIED, "verify", Guard.ATTEMPT),
        # From verified, too: the staged object may be gone when it is to be published.
        Verb.QUARANTINE: _move(
            {State.CONVERTED, State.VERIFIED}, State.QUARANTINED, "verify, catalogue", Guard.ATTEMPT
        ),
        Verb.PUBLISH: _move({State.VERIFIED}, State.PUBLISHED, "catalogue", Guard.ATTEMPT, Guard.UNREPLACED),
        # A published generation is superseded by the next one's publication, never by its mere planning.
        Verb.SUPERSEDE: _move({*ACTIVE, State.PUBLISHED}, State.SUPERSEDED, "plan, verify, catalogue"),
        Verb.RETRY: _move({State.FAILED, State.QUARANTINED}, State.PLANNED, "plan", Guard.ATTEMPTS_LEFT),
        Verb.MARK_DEAD: _move({State.FAILED, State.QUARANTINED}, State.DEAD, "plan", Guard.ATTEMPTS_SPENT),
        # Requested by a person: a conversion that was given up gets more attempts.
        Verb.REVIVE: _move(
            {State.FAILED, State.QUARANTINED, State.DEAD}, State.PLANNED, "requeue", Guard.ATTEMPTS_SPENT
        ),
        Verb.CANCEL: _move({State.PLANNED}, State.CANCELLED, "cancel"),
    }
)
