"""Errors that need a change of the settings, and those that pass by themselves."""

from __future__ import annotations


class OssConfigurationError(ValueError):
    """A setting of the connection, a bucket or a permission is wrong; the message names it and the remedy."""


class OssUnavailable(RuntimeError):
    """OSS or IMM is away, also when asked again: no answer, a 5xx, throttling; or the STS token has expired.

    A later try, which reads the connection anew, may succeed.
    """
