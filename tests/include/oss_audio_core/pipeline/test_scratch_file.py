"""The file that an object is measured in: gone with its block, and a full disk is said with folder and need."""

from __future__ import annotations

import errno
import os
import tempfile

import pytest

from oss_audio_core.pipeline.scratch_file import ScratchSpaceError, scratch_file


def test_the_file_is_empty_and_has_no_name() -> None:
    with scratch_file("oss://b/a.wav", 5) as file:
        file.write(b"12345")
        file.seek(0)
        assert file.read() == b"12345"
        assert os.fstat(file.fileno()).st_nlink == 0


@pytest.mark.parametrize(("size", "needed"), [(1 << 30, "1,073,741,824 bytes"), (None, "all of its bytes")])
def test_a_full_disk_is_said_with_folder_and_need(
    size: int | None, needed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: os.fdopen(os.open("/dev/full", os.O_RDWR), "w+b"))
    with pytest.raises(ScratchSpaceError) as caught, scratch_file("oss://b/a.wav", size) as file:
        file.write(b"x" * 100_000)
    told = str(caught.value)
    assert told.startswith(f"oss://b/a.wav can't be measured: it needs {needed} in the folder for temporary files")
    assert tempfile.gettempdir() in told
    assert "(No space left on device)" in told
    assert "set TMPDIR" in told


def test_a_file_that_fits_into_no_buffer_but_ends_small_is_said_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last bytes are written when the file is closed."""
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: os.fdopen(os.open("/dev/full", os.O_RDWR), "w+b"))
    with pytest.raises(ScratchSpaceError), scratch_file("oss://b/a.wav", 5) as file:
        file.write(b"12345")


def test_other_errors_pass() -> None:
    with pytest.raises(OSError, match="Input/output error") as caught, scratch_file("a", 1):
        raise OSError(errno.EIO, "Input/output error")
    assert not isinstance(caught.value, ScratchSpaceError)
