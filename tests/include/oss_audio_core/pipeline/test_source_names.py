"""Names of audio files, and of files that operating systems leave beside them."""

from __future__ import annotations

import re
import subprocess

import pytest

from oss_audio_core.pipeline.source_names import AUDIO_EXTENSIONS, has_audio_extension, is_system_file
from oss_local_cloud.imm.engine.binaries import locate

NO_AUDIO_FILES = {"avif", "ism", "ismv", "isma", "mj2", "mk3d", "mks", "psp"}
"""Extensions of the demuxers below that are pictures, subtitles, streams or not used for files of sound."""


@pytest.mark.parametrize("demuxer", ["mov", "matroska", "mp3", "mpc", "aac", "ac3", "eac3", "ape", "caf", "tta", "gsm"])
def test_every_extension_of_ffmpegs_common_demuxers_is_known(demuxer: str) -> None:
    told = subprocess.run(
        [locate().ffmpeg, "-hide_banner", "-h", f"demuxer={demuxer}"], capture_output=True, text=True, check=True
    )
    found = re.search(r"Common extensions: (.*)\.", told.stdout)
    if found:
        assert set(found[1].split(",")) - NO_AUDIO_FILES <= AUDIO_EXTENSIONS


@pytest.mark.parametrize("key", ["a.3gp", "a/b.AWB", "a.eac3", "a.spx", "a.m4v", "a.mp1", "曲.M2ts", "a.b.wav"])
def test_an_audio_file_is_known_by_its_extension(key: str) -> None:
    assert has_audio_extension(key)


@pytest.mark.parametrize("key", ["wav", "a.wav/b", "a.txt", "a.wav.txt", "a.", "", "a/.wav/"])
def test_another_name_is_none(key: str) -> None:
    assert not has_audio_extension(key)


@pytest.mark.parametrize(
    "key",
    [
        "._a.wav",
        "x/._a.wav",
        ".DS_Store",
        "x/.ds_store",
        "x/Thumbs.db",
        "İ/THUMBS.DB",
        "__MACOSX/a.wav",
        "x/.AppleDouble/a.wav",
    ],
)
def test_what_an_operating_system_leaves_is_known(key: str) -> None:
    assert is_system_file(key)


@pytest.mark.parametrize("key", ["_a.wav", ".a.wav", "._x/a.wav", "a._b.wav", "my__MACOSX/a.wav", "Thumbs.db/a.wav"])
def test_a_users_file_is_not_taken_for_one(key: str) -> None:
    assert not is_system_file(key)
