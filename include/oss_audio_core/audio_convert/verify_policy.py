"""`VerifyPolicy`: how thoroughly a profile's renditions are verified, and what is measured on the way."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from oss_audio_core.audio_convert.errors import ParameterError

Depth = Literal["decode", "probe"]
"""How one rendition is verified: read and decoded whole, or probed by one or two ranged reads."""

Policy = Literal["by size", "decode", "probe", "sample"]
Waveform = Literal["catalogue", "beside", "off"]
Picture = Literal["off", "waveform", "spectrogram"]

POLICIES: tuple[Policy, ...] = get_args(Policy)
WAVEFORMS: tuple[Waveform, ...] = get_args(Waveform)
PICTURES: tuple[Picture, ...] = get_args(Picture)

DEFAULT_UP_TO = 64 * 1024 * 1024
DEFAULT_SAMPLE = 10.0

_SHORT = re.compile(r"(decode|probe)|sample +([0-9]{1,3}(?:\.[0-9]{1,4})?) *%", re.ASCII)
_STEPS = 1_000_000
_SHORT_FORMS = "decode, probe, sample 10%, or a mapping"
_SIZE = re.compile(r"([0-9]{1,15}) *(|KiB|MiB|GiB)", re.ASCII)
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?) *%?", re.ASCII)
_SWITCH = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


@dataclass(frozen=True, kw_only=True)
class VerifyPolicy:
    """How the renditions of a profile are verified.

    Attributes:
        policy: `decode` every one; `probe` every one; `sample`: decode `sample` per cent of them and probe the rest;
            `by size` (the default): decode up to `up_to` bytes, sample above.
        up_to: bytes of the rendition, 0 or more.
        sample: per cent, 0 to 100.
        loudness: whether EBU R128 loudness is measured when a rendition is decoded.
        true_peak: the same of the true peak.
        waveform: where the peaks for players go: into the `catalogue`, `beside` the rendition as JSON, or nowhere
            (`off`).
        picture: a PNG beside the rendition, of the `waveform` or a `spectrogram`.

    Raises:
        ParameterError: a setting is wrong; names it (`verify policy`, `verify up_to`, …).
    """

    policy: Policy = "by size"
    up_to: int = DEFAULT_UP_TO
    sample: float = DEFAULT_SAMPLE
    loudness: bool = True
    true_peak: bool = True
    waveform: Waveform = "catalogue"
    picture: Picture = "off"

    def __post_init__(self) -> None:
        for name, known in (("policy", POLICIES), ("waveform", WAVEFORMS), ("picture", PICTURES)):
            if getattr(self, name) not in known:
                raise ParameterError(f"verify {name}", getattr(self, name), ", ".join(known))
        if type(self.up_to) is not int or self.up_to < 0:
            raise ParameterError("verify up_to", self.up_to, "a number of bytes, 0 or more")
        if type(self.sample) not in {int, float} or not 0 <= self.sample <= 100:
            raise ParameterError("verify sample", self.sample, "0 to 100 per cent")
        for name in ("loudness", "true_peak"):
            if type(getattr(self, name)) is not bool:
                raise ParameterError(f"verify {name}", getattr(self, name), "on or off")

    @classmethod
    def parse(cls, text: str) -> VerifyPolicy:
        """The short form: `decode`, `probe` or `sample 10%`.

        Raises:
            ParameterError: it is none of these.
        """
        matched = _SHORT.fullmatch(text.strip())
        if matched is None:
            raise ParameterError("verify", text, _SHORT_FORMS)
        if matched[2] is not None:
            return cls(policy="sample", sample=float(matched[2]))
        return cls(policy="decode" if matched[1] == "decode" else "probe")

    @classmethod
    def from_texts(cls, texts: dict[str, str]) -> VerifyPolicy:
        """Read the long form, a mapping of settings to texts: `up_to` `64 MiB`, `sample` `10%`, switches `on`, `off`.

        Raises:
            ParameterError: a setting is unknown, or its text has another form.
        """
        values: dict[str, Any] = dict(texts)
        if (size := texts.get("up_to")) is not None:
            if (matched := _SIZE.fullmatch(size)) is None:
                raise ParameterError("verify up_to", size, "bytes, or a number with KiB, MiB or GiB")
            values["up_to"] = int(matched[1]) * _UNITS[matched[2]]
        if (percent := texts.get("sample")) is not None:
            if (matched := _PERCENT.fullmatch(percent)) is None:
                raise ParameterError("verify sample", percent, "0 to 100 per cent, such as 10%")
            values["sample"] = float(matched[1])
        for name in ("loudness", "true_peak"):
            if name in texts:
                if texts[name].lower() not in _SWITCH:
                    raise ParameterError(f"verify {name}", texts[name], "on or off")
                values[name] = _SWITCH[texts[name].lower()]
        return cls(**values)

    def depth(self, size: int, identity: str) -> Depth:
        """What is done to a rendition of `size` bytes.

        `identity` is the conversion's, such as its source's ETag and its target: the choice of a sample depends on
        nothing else, so a task that is tried again decides the same.
        """
        if self.policy in {"decode", "probe"}:
            return "decode" if self.policy == "decode" else "probe"
        if self.policy == "by size" and size <= self.up_to:
            return "decode"
        drawn = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8], "big") % _STEPS
        return "decode" if drawn < self.sample / 100 * _STEPS else "probe"


VERIFY_SETTINGS = tuple(field.name for field in fields(VerifyPolicy))
"""The keys of the long form."""
