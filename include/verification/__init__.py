"""Measuring audio files, and comparing renditions with what was asked for."""

from __future__ import annotations

from include.verification.checks import Check, Verdict
from include.verification.decoding import Limits
from include.verification.errors import UnreadableAudio
from include.verification.expectation import Expectation, check_complete, compare, expected
from include.verification.inspection import Inspection, inspect
from include.verification.probe import Probe, probe
from include.verification.remote_probe import RemoteProbe, may_decide, probe_remote
from include.verification.verify import StoredBytes, decode_limits, verify

__all__ = [
    "Check",
    "Expectation",
    "Inspection",
    "Limits",
    "Probe",
    "RemoteProbe",
    "StoredBytes",
    "UnreadableAudio",
    "Verdict",
    "check_complete",
    "compare",
    "decode_limits",
    "expected",
    "inspect",
    "may_decide",
    "probe",
    "probe_remote",
    "verify",
]
