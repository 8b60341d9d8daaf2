"""The files of the corpus, a module for each kind."""

from __future__ import annotations

from tools.corpus.case import Case
from tools.corpus.kinds import clipping, damage, edges, engine, lengths, plain, promises, sound

ALL: tuple[Case, ...] = (
    *lengths.cases(),
    *promises.cases(),
    *edges.cases(),
    *sound.cases(),
    *damage.cases(),
    *clipping.cases(),
    *engine.cases(),
    *plain.cases(),
)
"""Every case, in the order of kinds."""
