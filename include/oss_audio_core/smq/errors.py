"""What can go wrong with SMQ, as types that callers tell apart."""

from __future__ import annotations


class SmqError(Exception):
    """SMQ refused a request.

    Attributes:
        code: SMQ's own code, e.g. `QpsLimitExceeded`; empty when no answer came or it wasn't one of SMQ's.
        status: the HTTP status; 0 when no answer came.
        request_id: SMQ's id of the request; empty when no answer came.
    """

    def __init__(self, message: str, *, code: str = "", status: int = 0, request_id: str = "") -> None:
        """Keep the sentence for people and the code for programs."""
        super().__init__(message)
        self.code = code
        self.status = status
        self.request_id = request_id


class SmqUnavailable(SmqError):
    """SMQ can't serve now: a 5xx, too many requests, or a token whose successor may be near. Trying again may help."""


class SmqUnreachable(SmqUnavailable):
    """No answer came: refused, reset, no such host, TLS failure, time-out."""


class SmqCredentialError(SmqError):
    """SMQ refused the credentials, or a permission is missing."""


class QueueNotExist(SmqError):
    """There is no such queue."""


class TopicNotExist(SmqError):
    """There is no such topic."""


class SmqConfigurationError(SmqError, ValueError):
    """A setting, a queue or a topic is wrong; the message names it and the remedy."""
