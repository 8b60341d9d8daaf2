"""One process at a time in a data directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oss_local_cloud.config import ConfigError
from oss_local_cloud.data_lock import DataLock


def test_a_second_lock_is_refused_until_the_first_is_released(tmp_path: Path) -> None:
    lock = DataLock(tmp_path / "data")
    with pytest.raises(ConfigError, match=f"process {os.getpid()}"):
        DataLock(tmp_path / "data")
    lock.release()
    DataLock(tmp_path / "data").release()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="can't be used"):
        DataLock(tmp_path / "file" / "data")
