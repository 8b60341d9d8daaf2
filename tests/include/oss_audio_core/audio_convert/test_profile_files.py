"""Profiles: those shipped, what a target may be, and errors with file, line and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from oss_audio_core.audio_convert import (
    FORMATS,
    AudioConvert,
    ParameterError,
    Profile,
    ProfileError,
    check_against_source,
    load_profiles,
)
from oss_audio_core.audio_convert.profile_files import _top_level

GOOD = """\
profiles:
  small:
    description: Small and mono
    convert: {f: mp3, ab: 64000, ac: 1}
    target:
      key: out/{profile}/{dirname}/{barename}.{autoext}
      bucket: "{bucket}-renditions"
    publish: direct
"""


def profile(**changes: Any) -> Profile:
    settings: dict[str, Any] = {
        "name": "small",
        "description": "Small",
        "convert": AudioConvert(f="mp3", ab=64000),
        "target_key": "out/{dirname}/{barename}.mp3",
    }
    return Profile(**(settings | changes))


def test_the_shipped_profiles_cover_all_seven_formats() -> None:
    profiles = load_profiles()
    assert {one.convert.f for one in profiles.values()} == set(FORMATS)
    assert {"mobile-mp3", "archive-flac", "voice-amr-nb", "voice-amr-wb", "podcast-opus"} <= set(profiles)
    assert list(profiles) == sorted(profiles)


@pytest.mark.parametrize("ladder", ["streaming-aac", "streaming-opus"])
def test_a_ladder_has_three_bitrates_of_one_format(ladder: str) -> None:
    steps = [one.convert for name, one in load_profiles().items() if name.startswith(ladder)]
    assert len({step.ab for step in steps}) == 3
    assert len({step.f for step in steps}) == 1


@pytest.mark.parametrize("name", load_profiles())
def test_a_shipped_profile_takes_any_usual_source(name: str) -> None:
    shipped = load_profiles()[name]
    for sample_rate in (8000, 22050, 44100, 48000, 96000):
        for channels in (1, 2, 6, 8):
            check_against_source(shipped.convert, sample_rate, channels)


def test_shipped_targets_of_one_source_differ_and_have_no_double_slash() -> None:
    for key in ("song.wav", "albums/一/song {live}.wav"):
        targets = {one.target_for("music", key) for one in load_profiles().values()}
        assert len(targets) == len(load_profiles())
        assert not [target for _, target in targets if "//" in target]


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("not a profile")
    assert load_profiles(tmp_path) == {
        "small": Profile(
            name="small",
            description="Small and mono",
            convert=AudioConvert(f="mp3", ab=64000, ac=1),
            target_key="out/{profile}/{dirname}/{barename}.{autoext}",
            target_bucket="{bucket}-renditions",
            publish="direct",
        )
    }
    assert load_profiles(tmp_path)["small"].target_for("music", "a/b.wav") == (
        "music-renditions",
        "out/small/a/b.mp3",
    )


def test_a_deployment_may_have_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.yaml").write_text(GOOD)
    monkeypatch.setenv("OSS_AUDIO_PROFILE_FOLDER", str(tmp_path))
    assert list(load_profiles()) == ["small"]
    monkeypatch.setenv("OSS_AUDIO_PROFILE_FOLDER", "")
    assert "mobile-mp3" in load_profiles()
    monkeypatch.setenv("OSS_AUDIO_PROFILE_FOLDER", str(tmp_path / "absent"))
    with pytest.raises(ProfileError, match="absent: no such directory"):
        load_profiles()


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "said"),
    [
        ("f: mp3", "f: wav", 4, "profiles.small.convert.f", "mp3, aac, flac, oga, ac3, opus, amr"),
        ("ab: 64000", "ab: 64k", 4, "profiles.small.convert.ab", "'64k'"),
        ("ab: 64000", "ab: 64_000", 4, "profiles.small.convert.ab", "'64_000'"),
        ("ab: 64000", 'ab: "64000"', 4, "profiles.small.convert.ab", "bit/s"),
        ("ab: 64000", "ab: 64000.0", 4, "profiles.small.convert.ab", "bit/s"),
        ("ab: 64000", "ab:", 4, "profiles.small.convert.ab", "''"),
        ("ab: 64000", "ab: [1]", 4, "profiles.small.convert.ab", "a single value"),
        ("ab: 64000", "ab: 64000, ab: 1", 4, "profiles.small.convert.ab", "given twice, first on line 4"),
        ("ab: 64000", "ab: 64000, aq: 50", 4, "profiles.small.convert.aq", "exclude each other"),
        ("ab: 64000", "ar: 96000", 4, "profiles.small.convert.ar", "for f=mp3"),
        ("ab: 64000", "bitrate: 64000", 4, "profiles.small.convert.bitrate", "unknown key; known: f, ss, t"),
        ("f: mp3, ", "", 4, "profiles.small.convert", "the key 'f' is missing"),
        ("publish: direct", "publish: maybe", 8, "profiles.small.publish", "staged, direct"),
        ("publish: direct", "published: direct", 8, "profiles.small.published", "unknown key"),
        ("description: Small and mono", "description: ' '", 3, "profiles.small.description", "not empty"),
        ("    description: Small and mono\n", "", 3, "profiles.small", "the key 'description' is missing"),
        ("small:", "Small One:", 2, "profiles.Small One", "lower-case letters"),
        ("{autoext}", "aac", 6, "profiles.small.target.key", "fits f=mp3, such as .mp3"),
        ("{autoext}", "{mon}", 6, "profiles.small.target.key", "'{mon}'"),
        (".{autoext}", "", 6, "profiles.small.target.key", "ending in .{autoext} or .mp3"),
        ('"{bucket}-renditions"', "No_Bucket", 7, "profiles.small.target.bucket", "a bucket name"),
        ("profiles:", "profile:", 1, "profile", "unknown key; known: profiles"),
        ("profiles:", "profiles: [", 3, "", "is not YAML"),
    ],
)
def test_an_error_names_file_line_and_key(tmp_path: Path, old: str, new: str, line: int, key: str, said: str) -> None:
    assert old in GOOD
    file = tmp_path / "one.yaml"
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(ProfileError) as caught:
        load_profiles(tmp_path)
    assert (caught.value.file, caught.value.line, caught.value.key) == (file, line, key)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"profiles: \x00", "is not YAML"),
        (b"- a\n", "has to be a mapping"),
        (b"profiles:\n  small: 3\n", "has to be a mapping"),
    ],
)
def test_a_file_that_holds_no_profiles(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "one.yaml").write_bytes(content)
    with pytest.raises(ProfileError, match=said):
        load_profiles(tmp_path)


def test_a_name_defined_in_two_files_is_refused_with_both_places(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(ProfileError, match=r"b\.yaml:2: profiles\.small: already defined at .*a\.yaml:2"):
        load_profiles(tmp_path)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no such directory"):
        load_profiles(tmp_path / "absent")


@pytest.mark.parametrize(
    ("setting", "template", "said"),
    [
        ("target_key", "/out/{barename}.mp3", "neither / nor"),
        ("target_key", "out/fixed.mp3", "meet at one target"),
        ("target_key", "out/{barename}.mp3\n", "control characters"),
        ("target_key", "out/{barename}", "ending in"),
        ("target_key", "out.mp3/{barename}", "ending in"),
        ("target_key", "out/{basename}.{ext}", "ending in"),
        ("target_key", "out/{barename}.{autoext}.opus", "fits f=mp3"),
        ("target_key", "out/{tags.artist}/{barename}.mp3", "variables"),
        ("target_key", "out/{barename.mp3", "braces in pairs"),
        ("target_bucket", "{dirname}", "variables"),
        ("target_bucket", "UPPER", "a bucket name"),
        ("name", "-small", "lower-case"),
        ("name", "x" * 65, "lower-case"),
        ("publish", "later", "staged, direct"),
    ],
)
def test_a_profile_refuses_what_could_not_work(setting: str, template: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said) as caught:
        profile(**{setting: template})
    assert caught.value.parameter == setting.replace("_", " ")


def test_an_unusual_extension_that_no_other_format_claims_is_the_users_choice() -> None:
    ogg = profile(convert=AudioConvert(f="oga"), target_key="{key}.ogg")
    assert ogg.target_for("music", "a/b.wav") == ("music", "a/b.wav.ogg")


def test_a_target_that_oss_could_not_store_is_refused() -> None:
    with pytest.raises(ParameterError, match="1023 bytes") as caught:
        profile().target_for("music", "一" * 341)
    assert caught.value.parameter == "target key"
    with pytest.raises(ParameterError, match="a bucket name") as caught:
        profile(target_bucket="{bucket}-renditions").target_for("m" * 60, "a.wav")
    assert caught.value.parameter == "target bucket"


def test_the_digest_follows_the_rendition_and_not_its_labels() -> None:
    assert profile(description="Other", publish="direct").digest() == profile().digest()
    different = [
        profile(),
        profile(convert=AudioConvert(f="mp3", ab=96000)),
        profile(target_key="other/{barename}.mp3"),
        profile(target_bucket="other-bucket"),
    ]
    assert len({one.digest() for one in different}) == len(different)


def test_files_that_can_not_be_read_are_problems_and_hidden_ones_are_none(tmp_path: Path) -> None:
    (tmp_path / "deep.yaml").write_text("[" * 20_000)
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "._mobile.yaml").write_bytes(b"\x00\x05\x16\x07")
    found = {}
    for name in ("deep", "folder", "gone"):
        with pytest.raises(ProfileError) as refused:
            _top_level(tmp_path / f"{name}.yaml")
        found[name] = refused.value.problem
    assert found == {
        "deep": "is nested too deeply for a profile",
        "folder": "can't be read: Is a directory",
        "gone": "can't be read: No such file or directory",
    }
    for path in tmp_path.glob("[a-z]*.yaml"):
        path.rmdir() if path.is_dir() else path.unlink()
    assert load_profiles(tmp_path) == {}
