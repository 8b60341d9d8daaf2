"""What a rendition must be, from what was asked and what the source is, and whether it is that."""

from __future__ import annotations

from dataclasses import dataclass

from include.audio_convert import FORMATS, AudioConvert
from include.verification.probe import Probe

_COMPLETE_TOLERANCE = 0.1
"""Seconds a file may fall short of its header: a frame or two, where a writer counted them differently."""

_BASE_TOLERANCE = {"oga": 0.005}
_DEFAULT_BASE_TOLERANCE = 0.001
"""Seconds either way, for the rounding of cuts and of resampling."""

_EXTRA_SAMPLES = {"aac": 2047, "ac3": 1536}
"""Samples a rendition may be longer: the delay and padding of encoders whose files can't tell them."""

_EXTRA_SECONDS = {"amr": 0.025}
_MP3_UNKNOWN_DELAY_SAMPLES = 3 * 1152
"""An mp3 without a gapless header keeps delay and padding: up to three frames."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What must be found in a rendition.

    ``sample_rate`` in Hz as asked for (opus: that of the encoder's input), ``duration`` in seconds with the
    tolerances ``shorter_by`` and ``longer_by``; ``mp3_delay`` are the seconds an mp3 may be longer still when
    it does not tell its delay. ``bits_per_sample`` is None where nothing was asked.
    """

    format: str
    codec: str
    sample_rate: int
    channels: int
    bits_per_sample: int | None
    duration: float
    shorter_by: float
    longer_by: float
    mp3_delay: float = 0.0


@dataclass(frozen=True)
class Check:
    """One comparison, as text for reports and the catalogue."""

    name: str
    expected: str
    measured: str
    passed: bool

    def __str__(self) -> str:
        return f"{self.name}: expected {self.expected}, measured {self.measured}"


def expected(convert: AudioConvert, source: Probe) -> Expectation:
    """What ``convert`` must make of ``source``.

    Absent ``ar`` and ``ac`` are the source's. The duration is what the source has after ``ss``, at most ``t``
    (0 when the source ends before ``ss``). Tolerances hold for the time of the file's packets, per format.
    """
    audio_format = FORMATS[convert.f]
    sample_rate = convert.ar or source.sample_rate
    remaining = max(source.duration - (convert.ss or 0) / 1000, 0.0)
    base = _BASE_TOLERANCE.get(convert.f, _DEFAULT_BASE_TOLERANCE) + source.duration_uncertainty
    longer_by = base + _EXTRA_SECONDS.get(convert.f, 0.0) + _EXTRA_SAMPLES.get(convert.f, 0) / sample_rate
    return Expectation(
        format=convert.f,
        codec=audio_format.codec(sample_rate),
        sample_rate=sample_rate,
        channels=convert.ac or source.channels,
        bits_per_sample=convert.adepth,
        duration=min(convert.t / 1000, remaining) if convert.t else remaining,
        shorter_by=base,
        longer_by=longer_by,
        mp3_delay=_MP3_UNKNOWN_DELAY_SAMPLES / sample_rate if convert.f == "mp3" else 0.0,
    )


def compare(expectation: Expectation, measured: Probe) -> list[Check]:
    """Every check of a rendition, passed or not, in a fixed order.

    The codec is compared and not the container, so a wrong codec behind the right extension is found. An opus
    file decodes at 48,000 Hz whatever was asked for: its rate is the one in OpusHead.
    """
    rate = measured.opus_input_rate if measured.codec == "opus" else measured.sample_rate
    checks = [
        Check("codec", expectation.codec, measured.codec, expectation.codec == measured.codec),
        Check("sample_rate", f"{expectation.sample_rate} Hz", f"{rate} Hz", expectation.sample_rate == rate),
        Check(
            "channels",
            str(expectation.channels),
            str(measured.channels),
            expectation.channels == measured.channels,
        ),
    ]
    if expectation.bits_per_sample is not None:
        depth = measured.bits_per_sample
        wanted = expectation.bits_per_sample
        checks.append(Check("bit_depth", f"{wanted} bits", f"{depth} bits", wanted == depth))
    checks.append(_duration_check(expectation, measured))
    checks.append(check_complete(measured))
    return checks


def check_complete(measured: Probe) -> Check:
    """Whether a file, source or rendition, has all the audio that its own header promises."""
    promised = measured.declared_duration
    found = f"{measured.duration:.3f} s"
    if measured.read_error is not None:
        text = "readable to its end" if promised is None else f"{promised:.3f} s as its header says"
        return Check("complete", text, f"{found}, then {measured.read_error}", passed=False)
    if promised is None:
        return Check("complete", "readable to its end", found, passed=True)
    missing = promised - measured.duration - measured.duration_uncertainty
    return Check("complete", f"{promised:.3f} s as its header says", found, missing <= _COMPLETE_TOLERANCE)


def _duration_check(expectation: Expectation, measured: Probe) -> Check:
    longer_by = expectation.longer_by + (0.0 if measured.gapless else expectation.mp3_delay)
    difference = measured.duration - expectation.duration
    return Check(
        "duration",
        f"{expectation.duration:.3f} s (-{expectation.shorter_by * 1000:.0f} to +{longer_by * 1000:.0f} ms)",
        f"{measured.duration:.3f} s",
        -expectation.shorter_by <= difference <= longer_by,
    )
