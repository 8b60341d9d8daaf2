"""The named exceptions: verdicts that are known to be wrong, each with its reason."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tools.corpus.judge import Judged

FILE = Path(__file__).with_name("exceptions.toml")


@dataclass(frozen=True)
class NamedException:
    """One kind of wrong verdict that is accepted.

    Attributes:
        files: pattern of `KIND/name`.
        renditions: pattern of profile names.
        judgement: `false alarm` or `missed`.
        reason: why it can't be mended, or is not.
    """

    files: str
    renditions: str
    judgement: str
    reason: str

    def covers(self, judged: Judged) -> bool:
        """Whether it is about this conversion."""
        return (
            self.judgement == judged.judgement
            and fnmatchcase(judged.outcome.source, self.files)
            and fnmatchcase(judged.outcome.profile, self.renditions)
        )


def named_exceptions() -> tuple[NamedException, ...]:
    """Those of the file."""
    found = tomllib.loads(FILE.read_text(encoding="utf-8")).get("exception", [])
    return tuple(NamedException(**one) for one in found)


def as_table(exceptions: tuple[NamedException, ...]) -> str:
    """The table of docs/verification.md."""
    lines = ["| files | renditions | verdict | why |", "|---|---|---|---|"]
    lines += [f"| `{one.files}` | `{one.renditions}` | {one.judgement} | {one.reason} |" for one in exceptions]
    return "\n".join(lines)
