"""Measuring audio files, and comparing renditions with what was asked for."""

from __future__ import annotations

from include.verification.errors import UnreadableAudio
from include.verification.expectation import Check, Expectation, check_complete, compare, expected
from include.verification.probe import Probe, probe

__all__ = [
    "Check",
    "Expectation",
    "Probe",
    "UnreadableAudio",
    "check_complete",
    "compare",
    "expected",
    "probe",
]
