"""Where files that are no modules lie: beside the module in an installed package, in a folder of their own here."""

from __future__ import annotations

from pathlib import Path


def data_folder(packaged: Path, in_checkout: Path) -> Path:
    """Return the folder that holds a package's files.

    Args:
        packaged: where the built wheel has them, inside the package.
        in_checkout: where the repository keeps them for editing; the build copies them from there.
    """
    return packaged if packaged.is_dir() else in_checkout
