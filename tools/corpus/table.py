"""The figures of a run: a line for each kind, and one for each wrong verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from oss_audio_core.catalogue.states import State
from tools.corpus.case import KINDS
from tools.corpus.exceptions import NamedException
from tools.corpus.judge import Judged

_COLUMNS = ("files", "conversions", "published", "refused", "not offered", "right", "false alarm", "missed", "named")
_LINE = "{:<46}" + "{:>12}" * len(_COLUMNS)


def unnamed(judged: Sequence[Judged], exceptions: Sequence[NamedException]) -> list[Judged]:
    """The wrong verdicts that no exception covers."""
    return [one for one in judged if one.wrong and not any(named.covers(one) for named in exceptions)]


def table(judged: Sequence[Judged], exceptions: Sequence[NamedException]) -> Iterator[str]:
    """Lines of text: the kinds, and all of them. Wrong verdicts that are named count as named only."""
    yield _LINE.format("kind", *_COLUMNS)
    open_ones = {id(one) for one in unnamed(judged, exceptions)}
    for kind, words in (*KINDS.items(), ("", "all")):
        of_kind = [one for one in judged if kind in {"", one.case.kind}]
        if not of_kind:
            continue
        counts = Counter(_column(one, id(one) in open_ones) for one in of_kind)
        published = sum(one.outcome.state is State.PUBLISHED for one in of_kind)
        unfit = counts["not offered"]
        figures = {
            "files": len(
                {one.case.name for one in of_kind} if kind else {(one.case.kind, one.case.name) for one in of_kind}
            ),
            "conversions": len(of_kind),
            "published": published,
            "refused": len(of_kind) - published - unfit,
            **{name: counts[name] for name in _COLUMNS[4:]},
        }
        yield _LINE.format(f"{kind} {words}".strip(), *(figures[name] for name in _COLUMNS))


def disagreements(judged: Sequence[Judged]) -> Iterator[str]:
    """A line for each wrong verdict: kind, file, rendition, judgement, reason."""
    for one in judged:
        yield f"{one.case.kind}\t{one.case.name}\t{one.outcome.profile}\t{one.judgement}\t{one.why}"


def _column(one: Judged, is_open: bool) -> str:
    if one.wrong:
        return one.judgement if is_open else "named"
    return "right" if one.judgement == "open" else one.judgement
