"""`AudioConvert`: the nine parameters of `audio/convert` as one validated value, and its text form."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields

from oss_audio_core.audio_convert.errors import ParameterError
from oss_audio_core.audio_convert.formats import FORMATS, MAX_CHANNELS, SAMPLE_RATES, AudioFormat

ACTION = "audio/convert"
"""The action that opens a process string."""

_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_MAX_MILLISECONDS = 2**63 - 1
_BIT_DEPTHS = (16, 24)


@dataclass(frozen=True, kw_only=True)
class AudioConvert:
    """One conversion, as the seed's table of parameters defines it; every rule that needs no source holds.

    - `f`: output format, one of `FORMATS`. Required.
    - `ss`: where in the source to start, ms, 0 or more (absent: 0, the beginning).
    - `t`: how much to convert, ms, 0 or more (absent: 0, to the end).
    - `ar`: output sample rate, Hz (absent: as the source); limited by the format.
    - `ac`: output channels, 1 to 8 (absent: as the source); limited by the format.
    - `aq`: quality, 0 to 100; never together with `ab`.
    - `ab`: bitrate, bit/s, 1,000 to 10,000,000; never together with `aq`.
    - `abopt`: what to do when the source's bitrate is lower than `ab`: 0 use `ab` (absent: 0), 1 use
      the source's, 2 fail. The seed types it as a string, so `"1"` is accepted for `1`.
    - `adepth`: bits per sample, 16 or 24, with `f=flac` only.

    Rules that need the source are in `check_against_source`.

    Raises:
        ParameterError: a rule is broken.
    """

    f: str
    ss: int | None = None
    t: int | None = None
    ar: int | None = None
    ac: int | None = None
    aq: int | None = None
    ab: int | None = None
    abopt: int | None = None
    adepth: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.abopt, str) and self.abopt in {"0", "1", "2"}:
            object.__setattr__(self, "abopt", int(self.abopt))
        if not isinstance(self.f, str) or self.f not in FORMATS:
            raise ParameterError("f", self.f, ", ".join(FORMATS))
        self._check_range("ss", 0, _MAX_MILLISECONDS, "0 or a positive number of milliseconds")
        self._check_range("t", 0, _MAX_MILLISECONDS, "0 (to the end) or a positive number of milliseconds")
        self._check_range("aq", 0, 100, "0 to 100")
        self._check_range("ab", 1000, 10_000_000, "1000 to 10000000 bit/s")
        self._check_range("abopt", 0, 2, "0, 1, 2")
        if self.aq is not None and self.ab is not None:
            raise ParameterError("aq", self.aq, f"no value beside ab={self.ab}: aq and ab exclude each other")
        self._check_sample_rate()
        self._check_channels()
        self._check_bit_depth()

    @property
    def format(self) -> AudioFormat:
        """The row of the format table for `f`."""
        return FORMATS[self.f]

    def render(self) -> str:
        """The text form, `audio/convert,f_mp3,ab_128000`: what is absent is left out, the order fixed."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return ",".join([ACTION, *(f"{name}_{value}" for name, value in values if value is not None)])

    @classmethod
    def parse(cls, text: str) -> AudioConvert:
        """Read the text form, parameters in any order.

        Raises:
            ParameterError: another action; a parameter that is unknown, repeated, empty or not a decimal integer; a
                broken rule of the seed.
        """
        action, *parts = text.split(",")
        if action != ACTION:
            raise ParameterError("action", action, ACTION)
        return cls.from_texts(split_parameters(parts, _NAMES))

    @classmethod
    def from_texts(cls, texts: dict[str, str]) -> AudioConvert:
        """Build the value from the texts of its parameters (the names must be known ones)."""
        integers = {name: _integer(name, text) for name, text in texts.items() if name != "f"}
        return cls(f=_present_format(texts.get("f")), **integers)

    def digest(self) -> str:
        """SHA-256 (hex) of what the conversion means: a documented default written out changes nothing."""
        meaning = [
            f"{field.name}_{value}"
            for field in fields(self)
            if (value := getattr(self, field.name)) is not None and not (field.name in _ZERO_IS_DEFAULT and value == 0)
        ]
        return hashlib.sha256(",".join([ACTION, *meaning]).encode()).hexdigest()

    def _check_range(self, name: str, low: int, high: int, allowed: str) -> None:
        value = getattr(self, name)
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ParameterError(name, value, allowed)

    def _check_sample_rate(self) -> None:
        if self.ar is None:
            return
        # True == 1 and 8000.0 == 8000 in Python, so the type is checked as well.
        if type(self.ar) is not int or self.ar not in SAMPLE_RATES:
            raise ParameterError("ar", self.ar, f"{', '.join(map(str, SAMPLE_RATES))} Hz")
        if self.ar not in self.format.sample_rates:
            raise ParameterError("ar", self.ar, f"for f={self.f}: {self.format.describe_rates()}")

    def _check_channels(self) -> None:
        if self.ac is None:
            return
        self._check_range("ac", 1, MAX_CHANNELS, f"1 to {MAX_CHANNELS}")
        if self.ac > self.format.max_channels:
            raise ParameterError("ac", self.ac, f"for f={self.f}: {self.format.describe_channels()}")

    def _check_bit_depth(self) -> None:
        if self.adepth is None:
            return
        if type(self.adepth) is not int or self.adepth not in _BIT_DEPTHS:
            raise ParameterError("adepth", self.adepth, ", ".join(map(str, _BIT_DEPTHS)))
        if self.adepth not in self.format.bit_depths:
            raise ParameterError("adepth", self.adepth, f"no value for f={self.f}: adepth applies to flac only")


_NAMES = tuple(field.name for field in fields(AudioConvert))
_ZERO_IS_DEFAULT = frozenset({"ss", "t", "abopt"})


def split_parameters(parts: list[str], known: tuple[str, ...], owner: str = "") -> dict[str, str]:
    """Split `name_value` parts at the first underscore; names must be `known` and appear once.

    `owner` names the operation in errors (`saveas`); a value may itself contain underscores, as URL-safe
    base64 does.

    Raises:
        ParameterError: a name is unknown or repeated, or a value is missing.
    """
    found: dict[str, str] = {}
    for part in parts:
        name, underscore, value = part.partition("_")
        shown = f"{owner} {name}".strip()
        if name not in known:
            raise ParameterError(f"{owner} parameter".strip(), part, ", ".join(f"{one}_…" for one in known))
        if not underscore or not value:
            raise ParameterError(shown, part, f"{name}_ followed by a value")
        if name in found:
            raise ParameterError(shown, value, f"given once (it already is {found[name]!r})")
        found[name] = value
    return found


def _integer(name: str, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ParameterError(name, text, "a decimal integer")
    return int(text)


def _present_format(text: str | None) -> str:
    if text is None:
        raise ParameterError("f", None, ", ".join(FORMATS))
    return text
