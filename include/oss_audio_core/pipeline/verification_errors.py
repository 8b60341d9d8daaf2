"""What verification raises where it can judge nothing yet; apart from the step, which imports the audio libraries."""

from __future__ import annotations


class OutputNotYet(Exception):
    """The output of a conversion that a message calls done isn't there, because its task still runs."""
