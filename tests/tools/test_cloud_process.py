"""A local cloud in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.cloud_process import CloudFailed, CloudProcess


def test_a_cloud_that_can_not_start_says_why(tmp_path: Path):
    with pytest.raises(CloudFailed, match="--bucket"):
        CloudProcess(tmp_path / "data", bucket="NO").start()
