"""Which of a source's lengths are credible: those that agree with what was decoded, and no remnant of another file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oss_audio_core.verification import Inspection, inspect
from oss_audio_core.verification.credible_lengths import CredibleLength, credible_lengths
from oss_audio_core.verification.length_estimates import LengthEstimates
from tests.include.oss_audio_core.verification.tones import wav

PACKET = 0.02
DECODED = CredibleLength("decoded samples", 10.0)


@pytest.fixture(scope="module")
def decoded() -> Inspection:
    """Ten seconds; each test makes another codec, container and estimates of it."""
    return inspect(wav(np.full((1, 80_000), 0.1), 8000), loudness=False, true_peak=False)


def source(decoded: Inspection, *, codec: str = "vorbis", container: str = "ogg", **estimates: object) -> Inspection:
    usual: dict[str, object] = {
        "timestamps": 10.0,
        "packets": 10.0,
        "header": None,
        "delay": 0.0,
        "padding": 0.0,
        "longest_packet": PACKET,
        "restarts": 0,
        "gaps": 0.0,
    }
    lengths = LengthEstimates(**{**usual, **estimates})  # type: ignore[arg-type]
    probe = replace(decoded.probe, codec=codec, container=container, duration=lengths.timestamps, lengths=lengths)
    probe = replace(probe, declared_duration=None)
    return replace(decoded, probe=probe)


def test_estimates_that_agree_are_one_length(decoded: Inspection) -> None:
    assert credible_lengths(source(decoded, header=10.0003)) == (DECODED,)


@pytest.mark.parametrize(
    ("estimates", "origin", "seconds"),
    [
        ({"timestamps": 10.016}, "timestamps", 10.016),
        ({"timestamps": 9.984, "packets": 9.984}, "timestamps", 9.984),
        ({"packets": 10.012}, "packets", 10.012),
        ({"header": 9.99}, "header", 9.99),
    ],
)
def test_within_a_packet_decoders_differ(
    estimates: dict[str, float], origin: str, seconds: float, decoded: Inspection
) -> None:
    assert credible_lengths(source(decoded, **estimates)) == (DECODED, CredibleLength(origin, seconds))


def test_the_length_that_the_file_declares_is_one_of_them(decoded: Inspection) -> None:
    found = source(decoded, codec="mp3", container="mp3")
    declares = replace(found, probe=replace(found.probe, declared_duration=9.99))
    assert credible_lengths(declares) == (DECODED, CredibleLength("header", 9.99))
    cut = replace(found, probe=replace(found.probe, declared_duration=12.0))
    assert credible_lengths(cut) == (DECODED,)


@pytest.mark.parametrize(
    "estimates",
    [
        {"timestamps": 5.0},
        {"timestamps": 9.97},
        {"timestamps": 117_483.0},
        {"packets": 5.0},
        {"packets": None, "header": 5.0},
        {"header": 20.0},
        {"timestamps": 10.0, "restarts": 1, "header": 4.0},
    ],
)
def test_what_is_far_from_the_decoded_samples_is_no_length(estimates: dict[str, float], decoded: Inspection) -> None:
    assert {one.seconds for one in credible_lengths(source(decoded, **estimates))} == {10.0}


@pytest.mark.parametrize("codec", ["pcm_s16le", "flac", "alac"])
def test_the_samples_of_a_lossless_codec_are_not_in_doubt(codec: str, decoded: Inspection) -> None:
    assert credible_lengths(source(decoded, codec=codec, timestamps=10.015, header=9.99)) == (DECODED,)


def test_a_pause_between_packets_may_be_filled_or_not(decoded: Inspection) -> None:
    found = credible_lengths(source(decoded, timestamps=13.0, packets=10.0, gaps=3.0))
    assert found == (DECODED, CredibleLength("timestamps", 13.0))
    assert credible_lengths(source(decoded, timestamps=8.0, packets=10.0, gaps=3.0)) == (DECODED,)


@pytest.mark.parametrize(("container", "known"), [("matroska,webm", True), ("mov,mp4", True), ("mp3", False)])
def test_a_delay_may_be_left_in_where_not_every_decoder_knows_of_it(
    container: str, known: bool, decoded: Inspection
) -> None:
    found = credible_lengths(source(decoded, codec="aac", container=container, delay=0.03, padding=0.01))
    assert [one.seconds for one in found] == pytest.approx([10.0, 10.03, 10.01, 10.04] if known else [10.0])


def test_each_restart_is_worth_a_packet_and_all_of_them_a_hundredth(decoded: Inspection) -> None:
    for restarts, uncertainty in ((1, 0.02), (4, 0.08), (1000, 0.1)):
        (found,) = credible_lengths(source(decoded, timestamps=5.0, restarts=restarts))
        assert found.uncertainty == pytest.approx(uncertainty)


@pytest.mark.parametrize("ended", [{"decode_error": "Invalid data at 4.000 s"}, {"stopped": "by the clock"}])
def test_a_decode_that_ended_early_tells_no_length(ended: dict[str, str], decoded: Inspection) -> None:
    found = credible_lengths(replace(source(decoded, timestamps=9.0), samples=32_000, **ended))
    assert found == (CredibleLength("packets", 9.0),)


def test_without_a_decode_the_packets_tell_it(decoded: Inspection) -> None:
    probe = replace(source(decoded, timestamps=9.0, header=8.0).probe, duration_uncertainty=0.02)
    assert credible_lengths(probe) == (CredibleLength("packets", 9.0, 0.02),)
    paused = source(decoded, timestamps=13.0, gaps=3.0).probe
    assert [one.seconds for one in credible_lengths(paused)] == [13.0, 10.0]


def test_measures_of_an_earlier_version_have_the_same_evidence(decoded: Inspection) -> None:
    stored = source(decoded, timestamps=9.99)
    earlier = replace(stored, probe=replace(stored.probe, lengths=None))
    assert credible_lengths(earlier) == (DECODED,)
    coarse = replace(earlier, probe=replace(earlier.probe, duration_uncertainty=0.02))
    assert credible_lengths(coarse) == (DECODED, CredibleLength("timestamps", 9.99))
    assert credible_lengths(earlier.probe) == (CredibleLength("packets", 9.99),)
