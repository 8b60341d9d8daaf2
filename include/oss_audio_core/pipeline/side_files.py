"""What stands beside a rendition: its waveform and its picture, under the rendition's whole key and an ending."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ENDINGS = (".waveform.json", ".waveform.png", ".spectrogram.png")
"""Endings after the rendition's key. No key that ends so is ever a source."""


def is_side_file(key: str) -> bool:
    """Whether a key is that of something beside a rendition."""
    return key.endswith(ENDINGS)


def final_side_key(target_key: str, staged_key: str) -> str:
    """Where a staged side file goes: beside its rendition's final key, with the ending it has.

    Raises:
        ValueError: the key has no such ending.
    """
    for ending in ENDINGS:
        if staged_key.endswith(ending):
            return target_key + ending
    raise ValueError(f"{staged_key!r} is no side file: its key ends with none of {', '.join(ENDINGS)}")


def rendition_key(side_key: str) -> str:
    """Whose side file it is: the key of the rendition that it stands beside."""
    return next(side_key.removesuffix(ending) for ending in ENDINGS if side_key.endswith(ending))


def staged_side_keys(measured: Mapping[str, Any] | None) -> list[str]:
    """Keys of the side files that verification staged with an output, out of what it measured."""
    return list((measured or {}).get("side", {}).values())
