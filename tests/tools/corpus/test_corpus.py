"""The short form of the corpus, of Python alone: no verdict on it is wrong but for the named exceptions."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

from tools.corpus.case import KINDS
from tools.corpus.exceptions import as_table, named_exceptions
from tools.corpus.kinds import ALL
from tools.corpus.run import Extent, run
from tools.corpus.table import disagreements, table, unnamed
from tools.stack import PROJECT_ROOT

SHORT = Extent(every=25, with_programs=False, profiles=("mobile-mp3", "archive-flac", "voice-amr-nb"))


def test_every_verdict_on_the_short_corpus_is_right(tmp_path: Path) -> None:
    judged = run(SHORT, tmp_path, 2, lambda _line: None)
    exceptions = named_exceptions()
    assert list(disagreements(unnamed(judged, exceptions))) == []
    # Nothing of it is trivial: there is damage that was refused, and good files that were published.
    ended = Counter((one.case.truth, one.outcome.state.value) for one in judged)
    assert ended["good", "published"] > 20
    assert ended["damaged", "failed"] + ended["damaged", "quarantined"] > 3
    assert next(iter(table(judged, exceptions))).startswith("kind")


def test_names_are_unique_and_every_kind_has_files() -> None:
    assert len({(one.kind, one.name) for one in ALL}) == len(ALL) > 400
    assert {one.kind for one in ALL} == set(KINDS)


def test_the_page_lists_the_named_exceptions() -> None:
    page = (PROJECT_ROOT / "docs" / "verification.md").read_text(encoding="utf-8")
    listed = page.partition("<!-- exceptions -->\n")[2].partition("\n<!-- /exceptions -->")[0]
    assert listed == as_table(named_exceptions())


def test_every_named_exception_has_a_reason_and_files() -> None:
    for one in named_exceptions():
        assert len(one.reason) > 20
        assert any(fnmatchcase(f"{case.kind}/{case.name}", one.files) for case in ALL)
        assert one.judgement in {"false alarm", "missed"}
