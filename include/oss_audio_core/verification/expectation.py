"""What a rendition must be, from what was asked and what the source is, and whether it is that."""

from __future__ import annotations

from dataclasses import dataclass

from oss_audio_core.audio_convert import FORMATS, AudioConvert
from oss_audio_core.audio_convert.containers.declared_length import TOLERATED_SECONDS
from oss_audio_core.verification.bitrate import BitrateRange, bitrate_range
from oss_audio_core.verification.checks import Check, check, not_checked
from oss_audio_core.verification.credible_lengths import CredibleLength, credible_lengths
from oss_audio_core.verification.expected_length import ExpectedLength, ExpectedLengths
from oss_audio_core.verification.inspection import Inspection
from oss_audio_core.verification.probe import Probe

_CONTAINER_SHARE = 0.05
_LEAST_ROOM_FOR_TAGS = 256 * 1024
_LEAST_FILE = 16
"""Bytes: pages of Ogg and ID3 tags that go along from the source; the smallest thing with a header and a frame."""


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
        lengths: how long it may be, as its packets tell.
        decoded_lengths: how long it may be decoded: a decoder may add to the packets' time, or leave out of it.
        bitrate: bit/s of audio data.
        start: where in the source it begins, seconds.
        whole_source: whether it is not a part of the source.
        unknown_delay: seconds by which it may be longer still when the file does not tell its delay.
        duration_is_estimate: whether the source's duration is an estimate.
        room_for_tags: bytes that tags and pictures may take: what the source has besides its audio, and some more.
    """

    format: str
    containers: frozenset[str]
    codec: str
    sample_rate: int
    channels: int
    bits_per_sample: int | None
    lengths: ExpectedLengths
    decoded_lengths: ExpectedLengths
    bitrate: BitrateRange
    start: float
    whole_source: bool
    unknown_delay: float = 0.0
    duration_is_estimate: bool = False
    room_for_tags: int = _LEAST_ROOM_FOR_TAGS

    @property
    def duration(self) -> float:
        """Seconds, the likeliest of its lengths."""
        return self.lengths.likeliest

    @property
    def longest(self) -> float:
        """Seconds a right rendition may last at most."""
        return self.lengths.longest + self.unknown_delay


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
    wanted = ExpectedLengths(tuple(_rendered(convert, length, facts.duration_tolerance) for length in lengths))
    wanted = wanted.widened(
        shorter_by=facts.shorter_by_samples / sample_rate, longer_by=facts.longer_by_samples / sample_rate
    )
    unknown_delay = facts.unknown_delay_samples / sample_rate
    return Expectation(
        format=convert.f,
        containers=audio_format.containers,
        codec=audio_format.codec(sample_rate),
        sample_rate=sample_rate,
        channels=channels,
        bits_per_sample=convert.adepth,
        lengths=wanted,
        decoded_lengths=wanted.widened(
            shorter_by=facts.decoded_shorter_samples / sample_rate,
            longer_by=facts.decoded_longer_samples / sample_rate + unknown_delay,
        ),
        unknown_delay=unknown_delay,
        bitrate=bitrate_range(convert, sample_rate, channels, source.bitrate),
        start=start,
        whole_source=wanted.likeliest >= lengths[0].seconds,
        duration_is_estimate=source.duration_is_estimate,
        room_for_tags=_LEAST_ROOM_FOR_TAGS + max(source.size - round(source.bitrate * source.duration / 8), 0),
    )


def _rendered(convert: AudioConvert, source: CredibleLength, tolerance: float) -> ExpectedLength:
    """What `ss` and `t` leave of a source's length."""
    left = max(source.seconds - (convert.ss or 0) / 1000, 0.0)
    duration = min(convert.t / 1000, left) if convert.t else left
    tolerance += source.uncertainty
    return ExpectedLength(source.origin, duration, tolerance, tolerance)


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
    lengths = expectation.lengths.widened(longer_by=0.0 if measured.gapless else expectation.unknown_delay)
    if measured.duration_is_estimate or expectation.duration_is_estimate:
        whose = "the source's" if expectation.duration_is_estimate else "the rendition's"
        return not_checked("duration", str(lengths), f"about {measured.duration:.1f} s: {whose} is an estimate")
    found = lengths.described(measured.duration)
    return check("duration", str(lengths), found, lengths.hold(measured.duration))


def _size_check(expectation: Expectation, measured: Probe) -> Check:
    """Audio of that duration and bitrate has a size; tags and pages of a container come on top."""
    audio = expectation.bitrate.high * expectation.longest / 8 + expectation.bitrate.slack / 8
    most = round(audio * (1 + _CONTAINER_SHARE) + expectation.room_for_tags)
    least = round(expectation.bitrate.low * expectation.lengths.shortest / 8 - expectation.bitrate.slack / 8)
    least = max(least, _LEAST_FILE)
    wanted = f"{least} to {most} bytes"
    if expectation.duration_is_estimate:
        return not_checked("size", wanted, f"{measured.size} bytes: the source's duration is an estimate")
    return check("size", wanted, f"{measured.size} bytes", least <= measured.size <= most)
