"""Staging keys are built and read back; a key that no attempt writes to is not taken for one."""

from __future__ import annotations

import pytest

from oss_audio_core.catalogue.staging_keys import StagedKey, output_key, parse, shard_folder

UID, BATCH = "0123456789ab", "abcdef01"


@pytest.mark.parametrize("staging", [".staging/", "a/歌 b/", "1/"])
@pytest.mark.parametrize("ending", ["", ".waveform.json", ".spectrogram.png"])
def test_a_key_that_was_built_is_read(staging: str, ending: str) -> None:
    key = output_key(shard_folder(staging, UID, BATCH, 3), 77, 2, "mp3")
    assert key == f"{staging}{UID}/{BATCH}/3/77-2.mp3"
    assert parse(key + ending, staging) == StagedKey(key, UID, 77)


def test_a_key_of_an_earlier_version_names_no_catalogue() -> None:
    key = f".staging/{BATCH}/0/77-2.mp3"
    assert parse(f"{key}.waveform.json", ".staging/") == StagedKey(key, None, 77)


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".staging/",
        ".staging/notes.txt",
        ".staging/songs/a.mp3",
        f".staging/{UID}/notes.txt",
        f".staging/{UID}/{BATCH}/0/cover.jpg",
        f".staging/{UID}/{BATCH}/0/77-2.mp3/x",
        f".staging/{UID}/{BATCH}/0/x/77-2.mp3",
        f".staging/{UID}/{BATCH}/0/77-2.mp3\n",
        f".staging/{UID}/{BATCH}/0/７７-2.mp3",
        f".staging/{UID.upper()}/{BATCH}/0/77-2.mp3",
        f"other/{UID}/{BATCH}/0/77-2.mp3",
        f"x.staging/{UID}/{BATCH}/0/77-2.mp3",
    ],
)
def test_another_key_is_no_staging_key(key: str) -> None:
    assert parse(key, ".staging/") is None
