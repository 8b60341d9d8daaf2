"""How thoroughly an output is looked at: its profile says so, and every way has its price in requests and bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from oss_audio_core.audio_convert import AudioConvert, Profile, VerifyPolicy
from oss_audio_core.catalogue import State, check_results
from oss_audio_core.pipeline.measures import Measures
from oss_audio_core.verification import inspect, remote_probe

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps
    from tests.include.oss_audio_core.pipeline.proxy import Proxy

Wav = Callable[..., bytes]
PNG = b"\x89PNG\r\n\x1a\n"


def rendition(name: str, convert: AudioConvert, **policy: Any) -> Profile:
    return Profile(
        name=name,
        description="",
        convert=convert,
        target_key=f"out/{{dirname}}/{{barename}}.{name}.{{autoext}}",
        verify=VerifyPolicy(**policy),
    )


def mp3(**policy: Any) -> Profile:
    return rendition("loud-mp3", AudioConvert(f="mp3", ab=128_000), **policy)


def converted(steps: Steps, wav: Wav, *profiles: Profile, seconds: float = 4) -> int:
    """Plan, submit and wait for renditions whose outputs are larger than the first read of a probe."""
    steps.put("a.wav", wav(seconds, 44100, 2))
    return steps.to_converted(profiles=profiles)


def measures(steps: Steps) -> Measures:
    measured = steps.row().measured
    assert measured is not None
    return Measures.from_json(measured)


def verdicts(steps: Steps) -> dict[str, str]:
    with steps.catalogue.read() as connection:
        return {one.name: one.verdict for one in check_results.of_attempt(connection, steps.row().this_attempt)}


def reads(proxy: Proxy, key: str | None) -> list[int]:
    """Bytes of every answer to a request for this object."""
    assert key is not None
    return [size for line, size in proxy.answers if line.split()[1].endswith(f"/{quote(key, safe='')}")]


def test_a_decode_costs_one_request_for_the_output_and_one_for_the_source(
    steps: Steps, wav: Wav, oss_proxy: Proxy
) -> None:
    profile = mp3(policy="decode")
    batch = converted(steps, wav, profile)
    assert steps.verify(batch, profile, endpoint=oss_proxy.address) == {"verified": 1}
    row = steps.row()
    assert reads(oss_proxy, row.output_key) == [row.output_size]
    assert reads(oss_proxy, row.key) == [row.source_size]
    assert len(oss_proxy.requests) == 2
    found = measures(steps)
    assert (found.depth, found.policy) == ("decode", "decode")
    assert found.content_type == "audio/mpeg"
    assert found.crc64 == str(steps.oss.bucket(steps.bucket).head_object(row.output_key).server_crc)
    decoded = found.decoded()
    assert decoded is not None
    assert decoded.integrated is not None
    assert decoded.true_peak is not None
    assert decoded.duration == pytest.approx(4, abs=0.001)


@pytest.fixture
def small_is_40_kib(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a probe reads whole, cut to what a short clip is larger than."""
    monkeypatch.setattr(remote_probe, "WHOLE_BYTES", 40 * 1024)


def test_a_probe_costs_two_requests_at_most_and_reads_neither_whole(
    steps: Steps, wav: Wav, oss_proxy: Proxy, small_is_40_kib: None
) -> None:
    profile = rendition("flac", AudioConvert(f="flac"), policy="probe")
    batch = converted(steps, wav, profile)
    row = steps.row()
    whole = steps.oss.bucket(steps.bucket).head_object(row.output_key)
    assert steps.verify(batch, profile, endpoint=oss_proxy.address) == {"verified": 1}
    parts = reads(oss_proxy, row.output_key)
    assert len(parts) == 2
    assert sum(parts) <= 256 * 1024
    # Besides these and the source a page of a listing, which serves a thousand.
    assert len(oss_proxy.requests) == 4
    found = measures(steps)
    assert (found.depth, found.policy, found.inspection, found.waveform) == ("probe", "probe", None, None)
    assert (found.crc64, found.content_type) == (str(whole.server_crc), "audio/flac")
    row = steps.row()
    assert (row.output_etag, row.output_size) == (whole.etag, whole.content_length)
    told = verdicts(steps)
    assert (told["codec"], told["duration"], told["tail"]) == ("passed",) * 3
    assert (told["decode"], told["silence"], told["stored_bytes"]) == ("not_checked",) * 3


LARGE: dict[str, tuple[dict[str, Any], float, int]] = {
    # Parameters, seconds, and the reads of a rendition that is too large to be read whole.
    "mp3": ({"ab": 128_000}, 4, 1),
    "aac": ({"ab": 256_000, "ar": 48_000}, 8, 1),
    "amr": ({"ar": 8000, "ac": 1, "ab": 12_200}, 30, 1),
    "flac": ({}, 4, 2),
    "oga": ({"ab": 320_000, "ar": 48_000}, 20, 2),
    "ac3": ({"ab": 192_000, "ar": 48_000}, 4, 2),
    "opus": ({"ab": 256_000, "ar": 48_000}, 8, 2),
}


@pytest.mark.parametrize(("format", "large"), [(one, large) for one in LARGE for large in (False, True)])
def test_what_a_file_costs_with_probe_tags_and_publishing(
    steps: Steps, wav: Wav, oss_proxy: Proxy, small_is_40_kib: None, format: str, large: bool
) -> None:
    parameters, seconds, most = LARGE[format]
    profile = rendition(format, AudioConvert(f=format, **parameters), policy="probe")
    steps.put("a.wav", wav(seconds if large else 0.5, 8000 if format == "amr" else 44100, 1 if format == "amr" else 2))
    batch = steps.plan(profiles=[profile])
    through = replace(steps.oss, endpoint=oss_proxy.address)
    steps.submit(batch, oss=through)
    assert steps.wait(batch).failed == 0
    row = steps.row()
    assert steps.verify(batch, profile, endpoint=oss_proxy.address) == {"verified": 1}
    assert steps.publish(batch, endpoint=oss_proxy.address) == {"published": 1}
    assert (steps.rows()[0].output_size > remote_probe.WHOLE_BYTES) is large
    asked = [line.split()[:2] for line in oss_proxy.requests]
    for_many = [line for line in asked if "list-type=2" in line[1] or "delete" in line[1].partition("?")[2]]
    assert len(for_many) == 2
    reads_of_it = len(reads(oss_proxy, row.output_key))
    assert reads_of_it == (most if large else 1)
    # Submit, source, rendition, look at the target, copy.
    assert len(asked) - len(for_many) == 1 + 1 + reads_of_it + 1 + 1
    assert [len(reads(oss_proxy, key)) for key in (row.key, row.target_key)] == [1, 2]


def test_what_a_probe_can_not_decide_is_decoded_at_once(
    steps: Steps, wav: Wav, oss_proxy: Proxy, small_is_40_kib: None
) -> None:
    profile = rendition("aac", AudioConvert(f="aac", ab=128_000), policy="probe")
    batch = converted(steps, wav, profile)
    assert steps.verify(batch, profile, endpoint=oss_proxy.address) == {"verified": 1}
    assert reads(oss_proxy, steps.row().output_key) == [steps.row().output_size]
    found = measures(steps)
    assert (found.depth, found.policy) == ("decode", "probe")
    assert found.inspection is not None
    assert (verdicts(steps)["duration"], verdicts(steps)["decode"]) == ("passed", "passed")


@pytest.mark.parametrize("kept", [0.3, 0.99])
def test_a_probe_finds_a_truncation(steps: Steps, wav: Wav, kept: float) -> None:
    profile = mp3(policy="probe")
    batch = converted(steps, wav, profile)
    row = steps.row()
    whole = steps.get(row.output_key).read()
    steps.oss.bucket(steps.bucket).put_object(row.output_key, whole[: int(len(whole) * kept)])
    assert steps.verify(batch, profile) == {"quarantined": 1}
    assert (steps.row().state, steps.row().code) == (State.QUARANTINED, "Mismatch")
    assert measures(steps).depth == "probe"


def test_by_size_decodes_what_is_small_and_samples_what_is_large(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    profile = mp3(up_to=1_000_000, sample=0)
    batch = converted(steps, wav, profile)
    assert steps.verify(batch, profile, endpoint=oss_proxy.address) == {"verified": 1}
    assert (measures(steps).depth, measures(steps).policy) == ("decode", "by size")
    # One page of a listing tells the size before anything is read.
    assert len(oss_proxy.requests) == 3
    steps.change(state="converted")
    assert steps.verify(batch, replace(profile, verify=VerifyPolicy(up_to=50_000, sample=0))) == {"verified": 1}
    assert (measures(steps).depth, measures(steps).policy) == ("probe", "by size")
    steps.change(state="converted")
    assert steps.verify(batch, replace(profile, verify=VerifyPolicy(up_to=50_000, sample=100))) == {"verified": 1}
    assert measures(steps).depth == "decode"


@pytest.mark.parametrize(("sample", "depth"), [(0, "probe"), (100, "decode")])
def test_a_sample_is_decoded_and_the_rest_probed(steps: Steps, wav: Wav, sample: float, depth: str) -> None:
    profile = mp3(policy="sample", sample=sample)
    batch = converted(steps, wav, profile)
    assert steps.verify(batch, profile) == {"verified": 1}
    assert (measures(steps).depth, measures(steps).policy) == (depth, "sample")


def test_a_clip_has_the_policy_of_its_profile(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav(4, 44100, 2))
    profile = mp3(policy="probe")
    batch = steps.to_converted("mobile-mp3", start=500, duration=3000)
    assert steps.row().profile == "mobile-mp3.clip-500-3500"
    assert steps.verify(batch, replace(profile, name="mobile-mp3")) == {"verified": 1}
    assert measures(steps).policy == "probe"


def test_a_profile_that_was_removed_has_the_default_policy(steps: Steps, wav: Wav) -> None:
    batch = converted(steps, wav, mp3(policy="probe"), seconds=0.5)
    assert steps.verify(batch, replace(mp3(), name="another")) == {"verified": 1}
    assert (measures(steps).depth, measures(steps).policy) == ("decode", "by size")


def test_what_is_measured_is_the_policies_choice(steps: Steps, wav: Wav) -> None:
    profile = mp3(policy="decode", loudness=False, true_peak=False, waveform="off")
    batch = converted(steps, wav, profile, seconds=1)
    assert steps.verify(batch, profile) == {"verified": 1}
    found = measures(steps).decoded()
    assert found is not None
    assert (found.integrated, found.loudness_range, found.true_peak) == (None, None, None)
    assert (measures(steps).waveform, measures(steps).side) == (None, {})


def test_the_waveform_goes_into_the_catalogue(steps: Steps, wav: Wav) -> None:
    profile = mp3(policy="decode", waveform="catalogue")
    batch = converted(steps, wav, profile, seconds=1)
    assert steps.verify(batch, profile) == {"verified": 1}
    drawn = measures(steps).waveform
    assert drawn is not None
    assert (drawn["version"], drawn["sample_rate"], len(drawn["data"])) == (2, 44100, 2 * drawn["length"])
    assert measures(steps).side == {}


@pytest.mark.parametrize("picture", ["waveform", "spectrogram"])
def test_waveform_and_picture_are_staged_beside_the_output(steps: Steps, wav: Wav, picture: str) -> None:
    profile = mp3(policy="decode", waveform="beside", picture=picture)
    batch = converted(steps, wav, profile, seconds=1)
    assert steps.verify(batch, profile) == {"verified": 1}
    found, key = measures(steps), steps.row().output_key
    assert found.waveform is None
    assert found.side == {"waveform": f"{key}.waveform.json", "picture": f"{key}.{picture}.png"}
    drawn = json.loads(steps.get(found.side["waveform"]).read())
    assert drawn == inspect(io.BytesIO(steps.get(key).read()), "the output").waveform
    stored = steps.get(found.side["picture"])
    assert stored.read().startswith(PNG)
    assert stored.content_type == "image/png"


def test_a_sidecar_that_cannot_be_stored_leaves_the_row_for_the_next_try(
    steps: Steps, wav: Wav, oss_proxy: Proxy
) -> None:
    import oss2

    profile = mp3(policy="decode", waveform="beside")
    batch = converted(steps, wav, profile, seconds=1)
    oss_proxy.refuse(b"PUT ", "403 Forbidden", "AccessDenied")
    with pytest.raises(oss2.exceptions.AccessDenied):
        steps.verify(batch, profile, endpoint=oss_proxy.address)
    assert steps.row().state is State.CONVERTED
    assert steps.verify(batch, profile) == {"verified": 1}
