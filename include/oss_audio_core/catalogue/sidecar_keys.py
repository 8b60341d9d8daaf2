"""Keys of sidecars: the rendition's whole key and an ending."""

from __future__ import annotations

ENDINGS = (".waveform.json", ".waveform.png", ".spectrogram.png")
"""Endings after the rendition's key. A key with one of them is never a source."""


def is_sidecar(key: str) -> bool:
    """Whether a key is that of a sidecar."""
    return key.endswith(ENDINGS)


def rendition_key(sidecar_key: str) -> str:
    """The key of the rendition that a sidecar belongs to."""
    return next(sidecar_key.removesuffix(ending) for ending in ENDINGS if sidecar_key.endswith(ending))
