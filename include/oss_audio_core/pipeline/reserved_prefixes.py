"""Prefixes of the target bucket that no rendition may be published under: staging, and the folder of exports.

Staged objects are removed, by the catalogue and by lifecycle rules. Exports are a table that engines read whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
        for what, prefix in self._named():
            if key.startswith(prefix):
                raise ParameterError("target key", key, f"a key outside of {what} {prefix!r}")

    def refuse_template(self, target_key: str) -> None:
        """Refuse a template whose targets lie under one of the prefixes whatever the source is.

        Raises:
            ParameterError: they do.
        """
        literal = variables.literal_head(target_key)
        for what, prefix in self._named():
            if literal.startswith(prefix):
                raise ParameterError("target key", target_key, f"a key outside of {what} {prefix!r}")

    def _named(self) -> Iterator[tuple[str, str]]:
        yield "the staging prefix", self.staging
        if self.catalogue:
            yield "the catalogue prefix", self.catalogue
