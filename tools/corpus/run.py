"""A run of the corpus: make the files, convert them, judge every verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from oss_audio_core.audio_convert import Profile
from tools.corpus.case import Case
from tools.corpus.conversions import ONE_OF_EACH, Outcome, bare_and_shipped, convert_all
from tools.corpus.judge import Judged, Source, judge
from tools.corpus.kinds import ALL
from tools.corpus.workshop import DEBIAN_PACKAGES, Workshop, missing_programs

JUDGES = 2


@dataclass(frozen=True)
class Extent:
    """How much of the corpus a run takes.

    Attributes:
        kinds: letters of the kinds.
        every: take each n-th file.
        with_programs: also files that need more than Python.
        profiles: names of the renditions.
    """

    kinds: str = "ABCDEFGH"
    every: int = 1
    with_programs: bool = True
    profiles: tuple[str, ...] = tuple(bare_and_shipped())

    def cases(self) -> list[Case]:
        """The files."""
        found = [one for one in ALL if one.kind in self.kinds and (self.with_programs or not one.needs)]
        return found[:: self.every]

    def renditions(self) -> Mapping[str, Profile]:
        """The renditions by name."""
        return {name: profile for name, profile in bare_and_shipped().items() if name in self.profiles}


QUICK = Extent(every=5, profiles=ONE_OF_EACH)
"""A fifth of the files, one profile for each format."""


class ProgramsMissing(RuntimeError):
    """Programs that make files of the corpus are not installed; the message says how to install them."""


def run(extent: Extent, folder: Path, workers: int, say: Callable[[str], None]) -> list[Judged]:
    """Make, convert and judge.

    Args:
        extent: what is taken.
        folder: for everything that is written.
        workers: conversions at once.
        say: takes lines about the progress.

    Raises:
        ProgramsMissing: a program is not installed.
    """
    cases = extent.cases()
    if missing := missing_programs(frozenset(name for one in cases for name in one.needs)):
        packages = " ".join(sorted({DEBIAN_PACKAGES[name] for name in missing}))
        raise ProgramsMissing(
            f"{', '.join(sorted(missing))} not found: install them (Debian: apt-get install {packages})"
        )
    sources = make(cases, folder)
    profiles = extent.renditions()
    say(f"{len(cases)} files, {len(profiles)} renditions of each")
    by_key = {f"{one.kind}/{one.name}": one for one in cases}
    judged: list[Judged] = []
    with ThreadPoolExecutor(JUDGES, thread_name_prefix="judge") as pool:
        outcomes = convert_all(folder / "sources", folder, profiles, workers)
        for group in _by_kind(outcomes):
            decoded = {one.source: Source(sources[one.source], by_key[one.source].decoder) for one in group}
            # The thread that reads a source first decodes it, so those of one source go together.
            judged += pool.map(lambda one, of=decoded: judge(by_key[one.source], of[one.source], one), group)
            wrong = sum(one.wrong for one in judged)
            say(f"{len(judged)} conversions judged, {wrong} verdicts are wrong")
            for one in group:
                if one.rendition is not None:
                    one.rendition.unlink()
    return judged


def make(cases: Sequence[Case], folder: Path) -> dict[str, Path]:
    """Write the files, a folder for each kind; by `KIND/name`."""
    shop = Workshop(folder / "workshop")
    made = {}
    for one in cases:
        path = folder / "sources" / one.kind / one.name
        path.parent.mkdir(parents=True, exist_ok=True)
        one.make(shop, path)
        made[f"{one.kind}/{one.name}"] = path
    return made


def _by_kind(outcomes: Iterator[Outcome]) -> Iterator[list[Outcome]]:
    group: list[Outcome] = []
    for one in outcomes:
        if group and group[-1].source.partition("/")[0] != one.source.partition("/")[0]:
            yield sorted(group, key=lambda other: other.source)
            group = []
        group.append(one)
    if group:
        yield sorted(group, key=lambda other: other.source)
