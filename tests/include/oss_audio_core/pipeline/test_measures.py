"""Stored measures are a contract: those of version 0.1.0 are read, and fields of a later version are passed over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oss_audio_core.pipeline.measures import Measures
from oss_audio_core.verification import Inspection, Probe

PROBE: dict[str, Any] = json.loads(
    '{"container": "flac", "codec": "flac", "sample_rate": 44100, "channels": 2, "duration": 0.5, '
    '"duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 98496, "size": 14412, '
    '"packets": 5, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}'
)
INSPECTION: dict[str, Any] = {
    "probe": PROBE,
    **json.loads(
        '{"samples": 22050, "sample_rate": 44100, "layout": "stereo", "channel_names": ["FL", "FR"], '
        '"decode_error": null, "stopped": null, "checksum_matches": true, "integrated": -12.105, '
        '"loudness_range": 0.0, "true_peak": -11.22, "peaks": [-11.23, -11.23], "rms": [-14.23, -14.23], '
        '"clipped_runs": 0, "clipped_samples": 0, "silence_head": 2.2675736961451248e-05, "silence_tail": 0.0, '
        '"levels_step": 0.25, "levels": [-12, -12, -12]}'
    ),
}
MEASURED: dict[str, Any] = {
    "depth": "decode",
    "policy": "decode",
    "probe": PROBE,
    "inspection": INSPECTION,
    "crc64": "17222365886691666039",
    "content_type": "audio/flac",
    "waveform": {"version": 2, "channels": 1, "data": [-35, 35]},
    "side": {"picture": "s/1-1.flac.spectrogram.png"},
}
"""As version 0.1.0 stored them."""


def test_what_version_0_1_0_stored_is_read_and_stored_the_same() -> None:
    measures = Measures.from_json(MEASURED)
    assert measures.probe == Probe(**PROBE)
    decoded = measures.decoded()
    assert decoded is not None
    assert (decoded.samples, decoded.channel_names, decoded.levels) == (22050, ("FL", "FR"), (-12, -12, -12))
    assert decoded.duration == 0.5
    assert json.loads(json.dumps(measures.to_json())) == MEASURED
    assert json.loads(json.dumps(decoded.to_json())) == INSPECTION


def test_a_probed_output_has_no_inspection() -> None:
    assert Measures.from_json({**MEASURED, "depth": "probe", "inspection": None}).decoded() is None


def test_further_fields_of_a_later_version_are_passed_over() -> None:
    probe = {**PROBE, "measured_later": 1}
    inspection = {**INSPECTION, "probe": probe, "measured_later": [1]}
    later = {**MEASURED, "probe": probe, "inspection": inspection, "measured_later": {}}
    measures = Measures.from_json(later)
    assert measures.probe == Probe.from_json(PROBE)
    assert measures.decoded() == Inspection.from_json(INSPECTION)


@pytest.mark.parametrize("name", ["depth", "policy", "crc64", "content_type", "waveform", "side"])
def test_every_field_that_was_stored_is_kept(name: str) -> None:
    assert Measures.from_json(MEASURED).to_json()[name] == MEASURED[name]
