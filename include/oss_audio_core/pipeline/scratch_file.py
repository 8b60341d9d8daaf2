"""The file that an object is read into while it is measured, and what is said where its folder has no room for it."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room on the disk, none left of the user's share, and a file longer than the process may write."""


class ScratchSpaceError(OSError):
    """The folder for temporary files has no room for an object; the message names the folder and what is needed."""


@contextmanager
def scratch_file(name: str, size: int | None) -> Iterator[BinaryIO]:
    """An empty file without a name: none is left when the process ends.

    Args:
        name: of the object that it is for, in errors.
        size: of that object in bytes; None: not known.

    Raises:
        ScratchSpaceError: the folder is full.
    """
    try:
        with tempfile.TemporaryFile(prefix="verify-") as file:
            yield file
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise ScratchSpaceError(_complaint(name, size, os.strerror(error.errno))) from None


def _complaint(name: str, size: int | None, said: str) -> str:
    folder = tempfile.gettempdir()
    needed = "all of its bytes" if size is None else f"{size:,} bytes"
    return (
        f"{name} can't be measured: it needs {needed} in the folder for temporary files, {folder}, where "
        f"{shutil.disk_usage(folder).free:,} bytes are free ({said}). Several objects are there at once. Make room "
        "there, or set TMPDIR to a folder with more"
    )
