"""Errors that a person has to mend in the settings; trying again changes nothing."""

from __future__ import annotations


class OssConfigurationError(ValueError):
    """A setting of the connection, a bucket or a permission is wrong; the message names it and the remedy."""
