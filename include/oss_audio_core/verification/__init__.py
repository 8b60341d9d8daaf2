"""Measuring audio files, and comparing renditions with what was asked for."""

from __future__ import annotations

from oss_audio_core.verification.checks import Check, Verdict
from oss_audio_core.verification.decoding import Limits
from oss_audio_core.verification.errors import UnreadableAudio
from oss_audio_core.verification.expectation import Expectation, check_complete, compare, expected
from oss_audio_core.verification.inspection import Inspection, inspect
from oss_audio_core.verification.probe import Probe, probe
from oss_audio_core.verification.remote_probe import RemoteProbe, may_decide, probe_remote
from oss_audio_core.verification.verify import StoredBytes, decode_limits, verify

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
