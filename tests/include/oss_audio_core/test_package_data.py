"""Files beside the code win over the checkout's folder."""

from __future__ import annotations

from pathlib import Path

from oss_audio_core.package_data import data_folder


def test_the_packaged_folder_is_taken_where_there_is_one(tmp_path: Path) -> None:
    packaged, checkout = tmp_path / "package" / "profiles", tmp_path / "profiles"
    assert data_folder(packaged, checkout) == checkout
    packaged.mkdir(parents=True)
    assert data_folder(packaged, checkout) == packaged
