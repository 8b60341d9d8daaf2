"""The allow-list of licences, its exceptions, and what a package's metadata leaves open: `policy.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from boolean.boolean import Expression
from license_expression import AND, OR

from tools.licences.metadata import parsed, spdx_of

POLICY_FILE = Path(__file__).with_name("policy.toml")


@dataclass(frozen=True)
class ExceptionToPolicy:
    """A package whose licence is not allowed in general.

    Attributes:
        needed_by: what may need it; nothing else may.
        why: it is there.
    """

    needed_by: frozenset[str]
    why: str


@dataclass(frozen=True)
class Policy:
    """The rules.

    Attributes:
        allowed: SPDX ids, also with an exception (`GPL-3.0-or-later WITH GCC-exception-3.1`).
        stated: expressions of packages whose metadata names none.
        bundled: expressions of what a wheel carries besides its own code.
        exceptions: by package.
    """

    allowed: frozenset[str]
    stated: Mapping[str, str] = field(default_factory=dict)
    bundled: Mapping[str, str] = field(default_factory=dict)
    exceptions: Mapping[str, ExceptionToPolicy] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path = POLICY_FILE) -> Policy:
        """The rules of a file."""
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        exceptions = {
            name: ExceptionToPolicy(frozenset(one["needed_by"]), one["why"])
            for name, one in table.get("exceptions", {}).items()
        }
        return cls(frozenset(table["allowed"]), table.get("stated", {}), table.get("bundled", {}), exceptions)

    def allows(self, expression: str) -> bool:
        """Whether the licences of an expression are allowed: all of an AND, one of an OR."""
        return self._allows(parsed(expression))

    def _allows(self, tree: Expression) -> bool:
        if isinstance(tree, AND):
            return all(self._allows(one) for one in tree.args)
        if isinstance(tree, OR):
            return any(self._allows(one) for one in tree.args)
        return str(tree) in self.allowed

    def licence_of(self, name: str) -> str | None:
        """The expression of a package with all that it carries; None: neither metadata nor policy names one."""
        try:
            own = spdx_of(distribution(name))
        except PackageNotFoundError:
            own = None
        own = own or self.stated.get(name)
        bundled = self.bundled.get(name)
        return str(AND(parsed(own), parsed(bundled)).flatten()) if own and bundled else own

    def problems(self, licences: Mapping[str, str | None], needed_by: Mapping[str, frozenset[str]]) -> Iterator[str]:
        """Yield what breaks the rules, a line each.

        Args:
            licences: by package; None: unknown.
            needed_by: by package; nothing for a package of another Python or platform.
        """
        for name, licence in sorted(licences.items()):
            exception = self.exceptions.get(name)
            if licence is None:
                yield f"{name}: no licence is known: run `make setup`, else add what its files say to [stated]"
            elif self.allows(licence):
                if exception:
                    yield f"{name}: {licence} is allowed; remove its exception from {POLICY_FILE.name}"
            elif exception is None:
                yield f"{name}: {licence} is not allowed: use another package, or add an exception with its reason"
            elif more := needed_by.get(name, frozenset()) - exception.needed_by:
                may = ", ".join(sorted(exception.needed_by))
                yield f"{name}: {licence} may be needed by {may} alone, and is needed by {', '.join(sorted(more))}"
        for table, names in (("stated", self.stated), ("bundled", self.bundled), ("exceptions", self.exceptions)):
            for name in sorted(names.keys() - licences.keys()):
                yield f"{POLICY_FILE.name}: [{table}] has {name}, which nothing needs any more; remove it"
