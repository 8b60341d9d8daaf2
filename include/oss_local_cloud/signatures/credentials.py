"""The account of the local cloud."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

ACCOUNT_ID = "1000000000000001"
"""The account id (uid) in arns and in the Owner of every bucket and object."""


@dataclass(frozen=True)
class Credentials:
    """An access key, and the STS token that may come with it.

    With `security_token` None, no token is accepted; with one, requests may carry exactly that token.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)

    def is_key_id(self, presented: str) -> bool:
        """Whether `presented` is this access key id, in constant time."""
        return constant_time_equals(presented, self.access_key_id)

    def accepts_token(self, presented: str | None) -> bool:
        """Whether a request that carries the token `presented` (None: none) is acceptable."""
        if presented is None:
            return True
        return self.security_token is not None and constant_time_equals(presented, self.security_token)


def constant_time_equals(presented: str, expected: str) -> bool:
    """Compare two strings in a time that doesn't depend on where they differ."""
    return hmac.compare_digest(presented.encode(), expected.encode())
