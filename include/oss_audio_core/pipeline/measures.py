"""What verification measured of an output: kept with its conversion until publishing enters it as a rendition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from oss_audio_core.audio_convert.verify_policy import Depth
from oss_audio_core.verification import Inspection, Probe
from oss_audio_core.verification.stored_fields import known_fields


@dataclass(frozen=True, kw_only=True)
class Measures:
    """The measures of one output.

    Attributes:
        depth: `decode` or `probe`; `policy` is the one that chose it, as the profile names it.
        probe: headers and packets, or what two ranged reads could tell.
        inspection: what the full decode found, as `Inspection.to_json` has it; None when it was only probed.
        crc64: CRC-64/XZ of the bytes in decimal, as OSS has it; None: OSS has none.
        content_type: of the object.
        waveform: the peaks, when they are to go into the catalogue.
        side: staged keys of its sidecars, by `waveform` and `picture`.
    """

    depth: Depth
    policy: str
    probe: Probe
    inspection: dict[str, Any] | None
    crc64: str | None
    content_type: str | None
    waveform: dict[str, Any] | None
    side: Mapping[Literal["waveform", "picture"], str]

    def decoded(self) -> Inspection | None:
        """The inspection as such."""
        return None if self.inspection is None else Inspection.from_json(self.inspection)

    def to_json(self) -> dict[str, Any]:
        """As it is kept with the conversion."""
        return {**asdict(self), "probe": self.probe.to_json(), "side": dict(self.side)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Measures:
        """The measures that were stored with a conversion."""
        return cls(**{**known_fields(cls, stored), "probe": Probe.from_json(stored["probe"])})
