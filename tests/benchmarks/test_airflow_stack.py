"""A workload changes the verification of a profile and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.airflow_stack import Workload, profiles_of
from oss_audio_core.audio_convert import load_profiles


@pytest.mark.parametrize("name", ["mobile-mp3", "archive-flac", "podcast-opus"])
def test_a_workload_changes_how_a_profile_is_verified_and_nothing_else(tmp_path: Path, name: str) -> None:
    shipped = load_profiles()[name]
    (profile,) = load_profiles(profiles_of(tmp_path / "own", Workload(10, profile=name, verify="probe"))).values()
    assert (profile.name, profile.digest(), profile.publish) == (name, shipped.digest(), shipped.publish)
    assert profile.verify.policy == "probe"
    assert load_profiles(profiles_of(tmp_path / "none", Workload(10, profile=name)))[name] == shipped
