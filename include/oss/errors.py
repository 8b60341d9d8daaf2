"""Errors that a person has to mend in the settings, and those that pass by themselves."""

from __future__ import annotations


class OssConfigurationError(ValueError):
    """A setting of the connection, a bucket or a permission is wrong; the message names it and the remedy."""


class OssUnavailable(RuntimeError):
    """OSS or IMM answered that it can't serve now (5xx, throttling), also when asked again; a later try may succeed."""
