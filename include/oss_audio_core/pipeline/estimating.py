"""What a plan will cost: minutes of output, and money by a price table of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from oss_audio_core.audio_convert import FORMATS, AudioConvert

_TYPICAL = {"wav": 176_400, "aif": 176_400, "aiff": 176_400, "w64": 176_400, "caf": 176_400, "flac": 90_000}
"""Bytes a second of a source that was not probed, by its extension; the rest are taken for 128 kbit/s."""

_TYPICAL |= {"ape": 90_000, "wv": 90_000, "tta": 90_000, "dsf": 705_600, "amr": 1_600, "opus": 12_000}
_LOSSY = 16_000
_OTHERS = "default"
_KEYS = ("currency", "per_minute", "per_request")


class PriceError(ValueError):
    """The price table can't be used; the message names the file, the key, and what is allowed."""


@dataclass(frozen=True)
class PriceTable:
    """Prices as a user enters them: none is built in.

    Attributes:
        currency: a name to print, such as CNY.
        per_minute: price of a minute of output by format; `default` stands for the others.
        per_request: price of one submit.
    """

    currency: str
    per_minute: Mapping[str, float]
    per_request: float = 0.0

    @classmethod
    def load(cls, path: Path) -> PriceTable:
        """Read a YAML file with `currency`, `per_minute` (a number, or one for each format) and `per_request`.

        Raises:
            PriceError: it is missing or wrong.
        """
        try:
            read = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise PriceError(f"price table {path} can't be read: {str(error).splitlines()[0]}") from None
        except RecursionError:
            raise PriceError(f"price table {path} is nested too deeply for one") from None
        if not isinstance(read, dict):
            raise PriceError(f"price table {path}: give a mapping with currency and per_minute")
        if unknown := sorted(map(str, read.keys() - set(_KEYS))):
            raise PriceError(f"price table {path}: unknown key {unknown[0]}; known are {', '.join(_KEYS)}")
        currency = read.get("currency")
        if not isinstance(currency, str) or not currency.strip():
            raise PriceError(f"price table {path}: currency is {currency!r}; give its name, such as CNY")
        given = read.get("per_minute")
        per_minute: dict[str, Any] = given if isinstance(given, dict) else {_OTHERS: given}
        for name, price in per_minute.items():
            if name != _OTHERS and name not in FORMATS:
                known = ", ".join([*FORMATS, _OTHERS])
                raise PriceError(f"price table {path}: per_minute has {name!r}; choose from {known}")
            _check(path, f"per_minute {name}" if isinstance(given, dict) else "per_minute", price)
        per_request = read.get("per_request", 0.0)
        _check(path, "per_request", per_request)
        return cls(currency.strip(), {name: float(price) for name, price in per_minute.items()}, float(per_request))

    def price(self, convert: AudioConvert, minutes: float) -> float | None:
        """What one conversion costs; None when the table has no price for its format."""
        a_minute = self.per_minute.get(convert.f, self.per_minute.get(_OTHERS))
        return None if a_minute is None else a_minute * minutes + self.per_request


def _check(path: Path, key: str, price: Any) -> None:
    if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < float("inf"):
        raise PriceError(f"price table {path}: {key} is {price!r}; give a price, 0 or more")


class Estimate:
    """The sum over a plan's conversions that will be paid for."""

    def __init__(self, prices: PriceTable | None = None) -> None:
        self._prices = prices
        self.conversions = 0
        self.minutes = 0.0
        self.guessed_minutes = 0.0
        self._cost = 0.0
        self._unpriced: set[str] = set()

    def add(self, convert: AudioConvert, key: str, size: int, duration: float | None) -> None:
        """Count one conversion in.

        Args:
            convert: the parameters.
            key: of the source.
            size: of the source, bytes.
            duration: of the source in seconds; None: guessed from its size and the extension of its key.
        """
        guessed = duration is None
        if duration is None:
            duration = size / _TYPICAL.get(key.rpartition(".")[2].lower(), _LOSSY)
        seconds = max(0.0, duration - (convert.ss or 0) / 1000)
        minutes = (min(seconds, convert.t / 1000) if convert.t else seconds) / 60
        self.conversions += 1
        self.minutes += minutes
        if guessed:
            self.guessed_minutes += minutes
        if self._prices is not None:
            price = self._prices.price(convert, minutes)
            if price is None:
                self._unpriced.add(convert.f)
            else:
                self._cost += price

    @property
    def cost(self) -> float | None:
        """In the table's currency; None where it is not known."""
        return None if self._prices is None or self._unpriced else self._cost

    def __str__(self) -> str:
        text = f"{self.conversions} conversions, {self.minutes:.1f} minutes of output"
        if self.guessed_minutes:
            text += f" ({self.guessed_minutes:.1f} of them guessed from sizes)"
        if self._prices is None:
            return f"{text}, cost unknown: no price table"
        if self._unpriced:
            return f"{text}, cost unknown: the price table has no price for {', '.join(sorted(self._unpriced))}"
        return f"{text}, about {self._cost:.2f} {self._prices.currency}"
