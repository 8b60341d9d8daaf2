"""A .netrc of the machine has nothing to say about OSS: its requests are signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from oss_audio_core.oss import OssSettings
from tools.cloud_process import CloudProcess


@pytest.mark.parametrize("patient", [True, False])
def test_a_netrc_file_does_not_replace_the_signature(
    oss_settings: OssSettings, local_cloud: CloudProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patient: bool
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password something\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    bucket = oss_settings.bucket(local_cloud.bucket, session=oss_settings.session(retry=patient))
    bucket.put_object("netrc/object", b"content")
    assert bucket.get_object("netrc/object").read() == b"content"
