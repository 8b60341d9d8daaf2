"""What the answer to a submit proves: accepted, rejected, surely not accepted, or unknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OutcomeKind(StrEnum):
    """What an answer proves about a submit."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"  # the service refused this request: the conversion has failed
    NOT_TAKEN = "not taken"  # nothing was accepted, and a later try may succeed
    NOT_SENT = "not sent"  # the claim was about to end: no request was made
    DENIED = "denied"  # a permission is missing, for this object or for all: the outcomes of the others decide
    UNKNOWN = "unknown"  # it may have been accepted: look for its task before the next try
    AWAY = "away"  # no answer, or the STS token has expired: a later try of the task may get further
    MISCONFIGURED = "misconfigured"  # no request of this batch can succeed until a setting is changed


@dataclass(frozen=True)
class SubmitOutcome:
    """The outcome of one submit.

    Attributes:
        submitted_at: by the service's own clock where its answer has a readable one.
        error: the SDK's exception, for the sentence that a misconfiguration ends with.
    """

    kind: OutcomeKind
    task_id: str | None = None
    submitted_at: datetime | None = None
    code: str | None = None
    message: str | None = None
    error: Exception | None = None
