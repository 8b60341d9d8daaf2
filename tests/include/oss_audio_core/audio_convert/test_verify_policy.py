"""How thoroughly renditions are verified: the forms it is written in, and the draw of a sample."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.audio_convert import ParameterError, Profile, ProfileError, VerifyPolicy, load_profiles

GOOD = """\
profiles:
  small:
    description: Small
    convert: {f: mp3}
    verify: WISH
    target: {key: "{barename}.mp3"}
"""


def load(folder: Path, wish: str) -> Profile:
    (folder / "one.yaml").write_text(GOOD.replace("WISH", wish))
    return load_profiles(folder)["small"]


@pytest.mark.parametrize(
    ("wish", "policy"),
    [
        ("decode", VerifyPolicy(policy="decode")),
        ("probe", VerifyPolicy(policy="probe")),
        ("sample 10%", VerifyPolicy(policy="sample", sample=10)),
        ("sample 2.5 %", VerifyPolicy(policy="sample", sample=2.5)),
        ("{policy: by size, up_to: 8 MiB, sample: 5%}", VerifyPolicy(up_to=8 << 20, sample=5)),
        ("{up_to: 1000000, sample: 5}", VerifyPolicy(up_to=1_000_000, sample=5)),
        (
            "{policy: decode, loudness: off, true_peak: no}",
            VerifyPolicy(policy="decode", loudness=False, true_peak=False),
        ),
        ("{waveform: beside, picture: spectrogram}", VerifyPolicy(waveform="beside", picture="spectrogram")),
        ("{waveform: off, true_peak: on}", VerifyPolicy(waveform="off")),
        ("{}", VerifyPolicy()),
    ],
)
def test_every_form_is_read(wish: str, policy: VerifyPolicy, tmp_path: Path) -> None:
    assert load(tmp_path, wish).verify == policy


@pytest.mark.parametrize(
    ("wish", "key", "said"),
    [
        ("everything", "profiles.small.verify", "decode, probe, sample 10%"),
        ("sample", "profiles.small.verify", "sample 10%"),
        ("sample 101%", "profiles.small.verify", "0 to 100 per cent"),
        ("{sample: many}", "profiles.small.verify.sample", "such as 10%"),
        ("{policy: hope}", "profiles.small.verify.policy", "by size, decode, probe, sample"),
        ("{up_to: 8 MB}", "profiles.small.verify.up_to", "KiB, MiB or GiB"),
        ("{loudness: loud}", "profiles.small.verify.loudness", "on or off"),
        ("{waveform: nowhere}", "profiles.small.verify.waveform", "catalogue, beside, off"),
        ("{picture: oil}", "profiles.small.verify.picture", "off, waveform, spectrogram"),
        ("{speed: high}", "profiles.small.verify.speed", "unknown key; known: policy, up_to"),
        ("[decode]", "profiles.small.verify", "has to be a mapping"),
    ],
)
def test_an_error_names_the_setting_and_its_line(wish: str, key: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"one\.yaml:5: ") as caught:
        load(tmp_path, wish)
    assert said in str(caught.value)
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("name", "value"), [("policy", "all"), ("up_to", -1), ("up_to", True), ("sample", 100.1), ("loudness", 1)]
)
def test_a_value_is_checked_however_it_is_made(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=f"verify {name}"):
        VerifyPolicy(**{name: value})


def test_it_is_no_part_of_what_is_made(tmp_path: Path) -> None:
    assert load(tmp_path, "probe").digest() == load(tmp_path, "decode").digest()


def test_the_default_decodes_up_to_a_size_and_samples_above() -> None:
    policy = VerifyPolicy()
    many = [f"etag-{number}" for number in range(2000)]
    assert {policy.depth(policy.up_to, identity) for identity in many} == {"decode"}
    decoded = sum(policy.depth(policy.up_to + 1, identity) == "decode" for identity in many)
    assert decoded / len(many) == pytest.approx(policy.sample / 100, abs=0.03)


@given(st.text(), st.integers(0, 10**12), st.floats(0, 100))
def test_a_draw_is_the_same_every_time_and_grows_with_the_share(identity: str, size: int, share: float) -> None:
    policy = VerifyPolicy(policy="sample", sample=share)
    depth = policy.depth(size, identity)
    assert depth == VerifyPolicy(policy="sample", sample=share).depth(size + 1, identity)
    if depth == "decode":
        assert VerifyPolicy(policy="sample", sample=min(share + 1, 100)).depth(size, identity) == "decode"
    assert VerifyPolicy(policy="sample", sample=100).depth(size, identity) == "decode"
    assert VerifyPolicy(policy="sample", sample=0).depth(size, identity) == "probe"
    assert VerifyPolicy(policy="decode").depth(size, identity) == "decode"
    assert VerifyPolicy(policy="probe").depth(size, identity) == "probe"


def test_an_archive_is_decoded_whatever_its_size() -> None:
    archive = load_profiles()["archive-flac"].verify
    assert archive.depth(10 << 30, "any") == "decode"
