"""Whether the product's verdict on one conversion is right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from oss_audio_core.audio_convert.codec_facts import CODECS
from oss_audio_core.catalogue.states import State
from tools.corpus.case import Case
from tools.corpus.conversions import Outcome
from tools.corpus.second_decoder import Decoded, decode, difference

Judgement = Literal["right", "false alarm", "missed", "not offered", "open"]

_UNFIT = frozenset({"InvalidArgument"})
"""The source's rate or channels are none of the format's: nothing was promised."""


_CONTAINERS = {"aac": "aac", "ac3": "ac3", "mp3": "mp3"}
"""Formats without a header: FFmpeg's names of their containers."""


@dataclass(frozen=True)
class Judged:
    """One conversion, judged.

    Attributes:
        case: the file.
        outcome: what the product did.
        judgement: false alarm: a good rendition was refused, or a good source not converted; missed: damage, or a wrong
            rendition, was published.
        why: in words, where it is neither right nor open.
    """

    case: Case
    outcome: Outcome
    judgement: Judgement
    why: str = ""

    @property
    def wrong(self) -> bool:
        """Whether the verdict is wrong."""
        return self.judgement in {"false alarm", "missed"}


class Source:
    """A file of the corpus, decoded at most once."""

    def __init__(self, path: Path, decoder: str = "") -> None:
        self._path, self._decoder = path, decoder

    @cached_property
    def decoded(self) -> Decoded:
        """By the second decoder."""
        return decode(self._path, decoder=self._decoder)


def judge(case: Case, source: Source, outcome: Outcome) -> Judged:
    """Compare what the product decided with what is true of the file, and with what the second decoder finds."""
    published = outcome.state is State.PUBLISHED
    said = f"{outcome.code}: {outcome.message}"
    truth = case.truth_as(outcome.convert.f)
    if outcome.code in _UNFIT and not published:
        return Judged(case, outcome, "not offered")
    if truth == "open":
        return Judged(case, outcome, "open")
    if truth == "damaged":
        return Judged(
            case, outcome, "missed" if published else "right", "published, though damaged" if published else ""
        )
    if outcome.rendition is None:
        clean = source.decoded.rate and not source.decoded.errors
        return Judged(case, outcome, "false alarm" if clean else "right", said)
    frame = CODECS[outcome.convert.format.codec(outcome.convert.ar or source.decoded.rate)].frame_samples
    rendition = decode(outcome.rendition, container=_CONTAINERS.get(outcome.convert.f, ""))
    wrong = difference(source.decoded, rendition, frame)
    if published:
        return Judged(case, outcome, "missed" if wrong else "right", wrong)
    return Judged(case, outcome, "right" if wrong else "false alarm", said)
