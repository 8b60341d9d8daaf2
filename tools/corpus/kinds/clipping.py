"""Kind F: masters above full scale, and loud ones that are right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tools.corpus import recipes
from tools.corpus.case import Case, Make
from tools.corpus.workshop import Workshop

KIND = "F"

INTEGERS = frozenset({"flac", "amr"})
"""Formats that clip by themselves whatever is above full scale; of others a decoder's output is."""


_TO_FULL_SCALE = 2.46
"""What brings the peak of the workshop's music to full scale."""


def cases() -> Iterator[Case]:
    """All of them."""
    lossy = frozenset({"mp3", "aac", "oga", "ac3", "opus"})
    for decibels in (6, 18):
        for name, arguments in {
            "wav": ("-c:a", "pcm_f32le"),
            "w64": ("-c:a", "pcm_f32le"),
            "caf": ("-c:a", "pcm_f32be"),
        }.items():
            make = _louder(decibels, *arguments)
            yield Case(KIND, f"float-{decibels}-db-over.{name}", make, refused_as=INTEGERS, open_as=lossy)
    good = {
        "float-at-full-scale.wav": _louder(0, "-c:a", "pcm_f32le"),
        "float-quiet.wav": _louder(-20, "-c:a", "pcm_f32le"),
        "double.wav": _louder(-1, "-c:a", "pcm_f64le"),
        "already-clipped.wav": _louder(12, "-c:a", "pcm_s16le"),
        "already-clipped.flac": _louder(12, "-c:a", "flac"),
        "loud.wav": _louder(-0.3, "-c:a", "pcm_s16le"),
        "loud.mp3": _louder(-0.3, "-b:a", "96k"),
    }
    yield from recipes.cases(KIND, good)


def _louder(decibels: float, *arguments: str) -> Make:
    """Music whose peak is so far above full scale."""

    def make(shop: Workshop, target: Path) -> None:
        chain = f"aformat=sample_fmts=dbl,volume={_TO_FULL_SCALE},volume={decibels}dB"
        shop.ffmpeg("-i", shop.wav(3.0), "-af", chain, *arguments, f"file:{target}")

    return make
