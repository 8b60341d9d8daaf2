"""Prefixes of the target bucket that no rendition may be published under: staging, and the folder of exports.

Staged objects are removed, by the catalogue and by lifecycle rules. Exports are a table that engines read whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from oss_audio_core.audio_convert import ParameterError, variables


@dataclass(frozen=True)
class ReservedPrefixes:
    """The reserved prefixes of a batch or of a deployment.

    Attributes:
        staging: under which attempts write; it ends with "/".
        catalogue: under which runs export, likewise; None or empty: they don't.
    """

    staging: str
    catalogue: str | None

    def refuse_key(self, key: str) -> None:
        """Refuse the key of a target.

        Raises:
            ParameterError: it lies under one of the prefixes.
        """
        self._refuse(key, key)

    def refuse_template(self, target_key: str) -> None:
        """Refuse a template whose targets lie under one of the prefixes whatever the source is.

        Raises:
            ParameterError: they do.
        """
        self._refuse(variables.literal_head(target_key), target_key)

    @cached_property
    def _prefixes(self) -> tuple[str, ...]:
        return tuple(prefix for prefix in (self.staging, self.catalogue) if prefix)

    def _refuse(self, begins: str, given: str) -> None:
        # One test for each of a million targets.
        if not begins.startswith(self._prefixes):
            return
        for what, prefix in (("staging", self.staging), ("catalogue", self.catalogue)):
            if prefix and begins.startswith(prefix):
                raise ParameterError("target key", given, f"a key outside of the {what} prefix {prefix!r}")
