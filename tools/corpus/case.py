"""`Case`: one file of the corpus, how it is made, and what is true of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tools.corpus.workshop import Workshop

Truth = Literal["good", "damaged", "open"]

Make = Callable[[Workshop, Path], None]
"""Writes the file; the workshop has the programs and the sounds."""


@dataclass(frozen=True)
class Case:
    """One file of the corpus.

    Attributes:
        kind: letter of the kind, `KINDS` has the words.
        name: of the file, with its extension; one of a kind.
        make: writes it.
        truth: whether it is good or damaged, by how it was made; open where both verdicts are right.
        refused_as: formats of which no good rendition can be made, although the file is good.
        open_as: formats whose verdict may be either.
        decoder: FFmpeg's name of the codec for the second decoder, where no FFmpeg detects it.
        needs: programs besides the FFmpeg of the wheel.
    """

    kind: str
    name: str
    make: Make
    truth: Truth = "good"
    refused_as: frozenset[str] = frozenset()
    open_as: frozenset[str] = frozenset()
    decoder: str = ""
    needs: frozenset[str] = frozenset()

    def truth_as(self, output: str) -> Truth:
        """What is true of its rendition in format `output`, a value of `f`."""
        if output in self.open_as:
            return "open"
        return "damaged" if output in self.refused_as else self.truth


KINDS = {
    "A": "what the source is: lengths",
    "B": "what a header promises",
    "C": "lengths at the edge of a tolerance",
    "D": "what counts as sound",
    "E": "damage",
    "F": "clipping",
    "G": "good files that the engine refused",
    "H": "tags, names and plain files",
}
"""The kinds of the corpus, by their letter."""
