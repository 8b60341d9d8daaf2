"""What a rendition must be, from what was asked and what the source is, and whether it is that."""

from __future__ import annotations

from dataclasses import dataclass

from oss_audio_core.audio_convert import FORMATS, AudioConvert
from oss_audio_core.audio_convert.containers.declared_length import TOLERATED_SECONDS
from oss_audio_core.verification.bitrate import BitrateRange, bitrate_range
from oss_audio_core.verification.checks import Check, check, not_checked
from oss_audio_core.verification.credible_lengths import credible_lengths
from oss_audio_core.verification.inspection import Inspection
from oss_audio_core.verification.probe import Probe

_CONTAINER_SHARE = 0.05
_MOST_TAGS = 256 * 1024
_LEAST_FILE = 16
"""Bytes: pages of Ogg and ID3 tags that go along from the source; the smallest thing with a header and a frame."""


@dataclass(frozen=True)
class ExpectedLength:
    """A length that a rendition may have.

    Attributes:
        origin: where the source's length comes from.
        duration: seconds.
        shorter_by: seconds by which it may be shorter.
        longer_by: seconds by which it may be longer.
    """

    origin: str
    duration: float
    shorter_by: float
    longer_by: float

    def holds(self, seconds: float, longer_by: float = 0.0) -> bool:
        """Whether `seconds` are within the tolerance, upwards by `longer_by` more."""
        return -self.shorter_by <= seconds - self.duration <= self.longer_by + longer_by

    def said(self, longer_by: float, *, with_origin: bool) -> str:
        """In words, upwards by `longer_by` more."""
        reach = f"-{self.shorter_by * 1000:.0f} to +{(self.longer_by + longer_by) * 1000:.0f} ms"
        said = f"{self.duration:.3f} s ({reach})"
        return f"{said} by the source's {self.origin}" if with_origin else said


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What must be found in a rendition.

    Attributes:
        format: the value of `f`.
        containers: FFmpeg's names of the containers it may be in.
        codec: FFmpeg's name.
        sample_rate: Hz as asked for; for opus the rate of the encoder's input.
        channels: their number.
        bits_per_sample: of flac; None where nothing was asked.
        lengths: what its length may be, the likeliest first.
        bitrate: bit/s of audio data.
        start: where in the source it begins, seconds.
        whole_source: whether it is not a part of the source.
        unknown_delay: seconds by which it may be longer still when the file does not tell its delay.
        decoded_longer_samples: samples that a decoder may give beyond the packets' time.
        duration_is_estimate: whether the source's duration is an estimate.
    """

    format: str
    containers: frozenset[str]
    codec: str
    sample_rate: int
    channels: int
    bits_per_sample: int | None
    lengths: tuple[ExpectedLength, ...]
    bitrate: BitrateRange
    start: float
    whole_source: bool
    unknown_delay: float = 0.0
    decoded_longer_samples: int = 0
    duration_is_estimate: bool = False

    @property
    def duration(self) -> float:
        """Seconds, the likeliest of its lengths."""
        return self.lengths[0].duration

    @property
    def longest(self) -> float:
        """Seconds a right rendition may last at most."""
        return max(length.duration + length.longer_by for length in self.lengths) + self.unknown_delay

    def length_of(self, seconds: float, longer_by: float = 0.0) -> ExpectedLength | None:
        """Which of the lengths a rendition of `seconds` has, upwards by `longer_by` more; None: it has none of them."""
        return next((length for length in self.lengths if length.holds(seconds, longer_by)), None)

    def said_lengths(self, longer_by: float = 0.0) -> str:
        """All of them in words, with `longer_by` more upwards."""
        several = len(self.lengths) > 1
        return " or ".join(length.said(longer_by, with_origin=several) for length in self.lengths)

    def found_length(self, seconds: float, length: ExpectedLength | None) -> str:
        """The measured length in words, with which of the expected ones it is where there are several."""
        found = f"{seconds:.3f} s"
        return found if length is None or len(self.lengths) == 1 else f"{found}, that of the source's {length.origin}"


def expected(convert: AudioConvert, source: Inspection | Probe) -> Expectation:
    """What `convert` must make of `source`.

    Absent `ar` and `ac` are the source's. The duration is what the source has after `ss`, at most `t`
    (0 when the source ends before `ss`), for each length that is credible of it. Tolerances hold for the time of the
    file's packets, per format.
    """
    lengths = credible_lengths(source)
    source = source.probe if isinstance(source, Inspection) else source
    audio_format = FORMATS[convert.f]
    sample_rate = convert.ar or source.sample_rate
    channels = convert.ac or source.channels
    start = (convert.ss or 0) / 1000
    facts = audio_format.facts(sample_rate)
    added = facts.longer_by_seconds + facts.longer_by_samples / sample_rate
    wanted = [
        ExpectedLength(
            length.origin,
            min(convert.t / 1000 if convert.t else length.seconds, max(length.seconds - start, 0.0)),
            (tolerance := facts.duration_tolerance + length.uncertainty),
            tolerance + added,
        )
        for length in lengths
    ]
    return Expectation(
        format=convert.f,
        containers=audio_format.containers,
        codec=audio_format.codec(sample_rate),
        sample_rate=sample_rate,
        channels=channels,
        bits_per_sample=convert.adepth,
        lengths=tuple(wanted),
        unknown_delay=facts.unknown_delay_samples / sample_rate,
        decoded_longer_samples=facts.decoded_longer_samples,
        bitrate=bitrate_range(convert, sample_rate, channels, source.bitrate),
        start=start,
        whole_source=wanted[0].duration >= lengths[0].seconds,
        duration_is_estimate=source.duration_is_estimate,
    )


def compare(expectation: Expectation, measured: Probe) -> list[Check]:
    """Every check of a rendition, passed or not, in a fixed order.

    The codec is compared and not the container, so a wrong codec behind the right extension is found. An opus
    file decodes at 48,000 Hz whatever was asked for: its rate is the one in OpusHead.
    """
    rate = measured.opus_input_rate if measured.codec == "opus" else measured.sample_rate
    containers = " or ".join(sorted(expectation.containers))
    bitrate = expectation.bitrate
    checks = [
        check("container", containers, measured.container, measured.container in expectation.containers),
        check("codec", expectation.codec, measured.codec, expectation.codec == measured.codec),
        check("sample_rate", f"{expectation.sample_rate} Hz", f"{rate} Hz", expectation.sample_rate == rate),
        check(
            "channels",
            str(expectation.channels),
            str(measured.channels),
            expectation.channels == measured.channels,
        ),
    ]
    if expectation.bits_per_sample is not None:
        depth = measured.bits_per_sample
        wanted = expectation.bits_per_sample
        checks.append(check("bit_depth", f"{wanted} bits", f"{depth} bits", wanted == depth))
    if measured.duration_is_estimate:
        checks.append(not_checked("bitrate", bitrate.said, "its duration is an estimate"))
    else:
        right = bitrate.holds(measured.bitrate, measured.duration)
        checks.append(check("bitrate", bitrate.said, f"{measured.bitrate} bit/s", right))
    checks += [_duration_check(expectation, measured), _size_check(expectation, measured), check_complete(measured)]
    return checks


def check_complete(measured: Inspection | Probe) -> Check:
    """Whether a file, source or rendition, has all the audio that its own header declares."""
    found = measured.probe if isinstance(measured, Inspection) else measured
    # Where packets have no duration, a decode knows more.
    seconds = max(found.duration, measured.duration)
    declared = found.declared_duration
    there = f"{seconds:.3f} s"
    if found.read_error is not None:
        text = "readable to its end" if declared is None else f"{declared:.3f} s as its header says"
        return check("complete", text, f"{there}, then {found.read_error}", right=False)
    if declared is None:
        return check("complete", "readable to its end", there, right=True)
    missing = declared - seconds - found.duration_uncertainty
    return check("complete", f"{declared:.3f} s as its header says", there, missing <= TOLERATED_SECONDS)


def _duration_check(expectation: Expectation, measured: Probe) -> Check:
    hidden = 0.0 if measured.gapless else expectation.unknown_delay
    wanted = expectation.said_lengths(hidden)
    if measured.duration_is_estimate or expectation.duration_is_estimate:
        whose = "the source's" if expectation.duration_is_estimate else "the rendition's"
        return not_checked("duration", wanted, f"about {measured.duration:.1f} s: {whose} is an estimate")
    length = expectation.length_of(measured.duration, hidden)
    return check("duration", wanted, expectation.found_length(measured.duration, length), length is not None)


def _size_check(expectation: Expectation, measured: Probe) -> Check:
    """Audio of that duration and bitrate has a size; tags and pages of a container come on top."""
    audio = expectation.bitrate.high * expectation.longest / 8 + expectation.bitrate.slack / 8
    most = round(audio * (1 + _CONTAINER_SHARE) + _MOST_TAGS)
    shortest = min(length.duration for length in expectation.lengths)
    least = round(expectation.bitrate.low * shortest / 8 - expectation.bitrate.slack / 8)
    least = max(least, _LEAST_FILE)
    wanted = f"{least} to {most} bytes"
    if expectation.duration_is_estimate:
        return not_checked("size", wanted, f"{measured.size} bytes: the source's duration is an estimate")
    return check("size", wanted, f"{measured.size} bytes", least <= measured.size <= most)
