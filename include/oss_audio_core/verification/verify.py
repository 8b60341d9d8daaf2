"""`verify`: all checks of one rendition, from the measurements of it and of its source."""

from __future__ import annotations

from dataclasses import dataclass

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.verification.checks import Check, Verdict, check, not_checked
from oss_audio_core.verification.content_check import content_check
from oss_audio_core.verification.decoding import Limits
from oss_audio_core.verification.expectation import Expectation, compare, expected
from oss_audio_core.verification.inspection import Inspection
from oss_audio_core.verification.probe import Probe
from oss_audio_core.verification.remote_probe import RemoteProbe
from oss_audio_core.verification.source_comparison import channels_check, clipping_check, silence_check

Measured = Inspection | RemoteProbe | Probe
"""Decoded whole; probed by ranges; or its packets read."""

_ROOM = 10.0
_WALL_SECONDS = 60.0
_SPEED = 10.0


@dataclass(frozen=True, kw_only=True)
class StoredBytes:
    """Sizes and checksums of the stored object.

    Sizes are in bytes. CRC-64/XZ (`x-oss-hash-crc64ecma`) are unsigned numbers, None where there is none.
    """

    size: int
    crc64: int | None
    header_size: int
    header_crc64: int | None


def probe_of(measured: Measured) -> Probe:
    """Headers and packets, which every way of measuring gives."""
    return measured if isinstance(measured, Probe) else measured.probe


def _source(measured: Measured) -> Inspection | Probe:
    return measured.probe if isinstance(measured, RemoteProbe) else measured


def decode_limits(convert: AudioConvert, source: Measured) -> Limits:
    """How far to decode a rendition of `source`: a little past what is expected, so that a bomb ends there."""
    expectation = expected(convert, _source(source))
    seconds = expectation.longest * 1.05 + _ROOM
    if expectation.duration_is_estimate:
        seconds = expectation.longest * 2 + _ROOM
    return Limits(seconds=seconds, wall_seconds=_WALL_SECONDS + seconds / _SPEED)


def verify(
    convert: AudioConvert, source: Measured, rendition: Measured, *, stored: StoredBytes | None = None
) -> Verdict:
    """Compare a rendition with what `convert` must make of `source`.

    Every check is in the verdict, in a fixed order; one that the given measurements can't decide is `not_checked` and
    says why.
    """
    expectation = expected(convert, _source(source))
    checks = compare(expectation, probe_of(rendition))
    checks += _ends(expectation, rendition)
    checks += _decoded(expectation, source, rendition)
    checks.append(_stored(stored))
    return Verdict(tuple(checks))


def _ends(expectation: Expectation, rendition: Measured) -> list[Check]:
    begins, ends = "audio at the beginning", "a whole last frame at the end"
    if isinstance(rendition, RemoteProbe):
        head = check("head", begins, f"{rendition.probe.codec} in the first bytes", right=True)
        if rendition.whole_tail is None:
            return [head, not_checked("tail", ends, "its last bytes can't be told apart")]
        whole = "as many bytes as its header counts" if rendition.ends_by_count else "whole"
        return [
            head,
            check("tail", ends, whole if rendition.whole_tail else "cut off or damaged", rendition.whole_tail),
        ]
    error = probe_of(rendition).read_error
    empty = isinstance(rendition, Inspection) and not rendition.samples
    head = check(
        "head",
        begins,
        "no sample decoded" if empty else "there",
        right=not empty or expectation.decoded_lengths.hold(0.0),
    )
    if isinstance(rendition, Inspection) and rendition.stopped:
        return [head, not_checked("tail", ends, f"not reached: {rendition.stopped}")]
    return [head, check("tail", ends, error or "read to the end", right=error is None)]


def _decoded(expectation: Expectation, source: Measured, rendition: Measured) -> list[Check]:
    names = ("decode", "checksum", "silence", "clipping", "channels_alive", "content")
    if not isinstance(rendition, Inspection):
        return [not_checked(name, "a full decode", "it was not decoded") for name in names]
    checks = [_decode(expectation, rendition), _checksum(rendition)]
    if not rendition.samples:
        # Of which "head" says so; there are no channels either.
        return checks + [not_checked(name, "as the source", "no sample was decoded") for name in names[2:]]
    if not isinstance(source, Inspection) or not source.samples:
        return checks + [not_checked(name, "as the source", "the source was not decoded") for name in names[2:]]
    return [
        *checks,
        silence_check(expectation, source, rendition),
        clipping_check(expectation, source, rendition),
        channels_check(expectation, source, rendition),
        content_check(expectation, source, rendition),
    ]


def _decode(expectation: Expectation, rendition: Inspection) -> Check:
    lengths = expectation.decoded_lengths
    wanted = f"all of it decodes, {lengths}"
    if rendition.decode_error or rendition.stopped:
        return check("decode", wanted, rendition.decode_error or rendition.stopped or "", right=False)
    found = lengths.described(rendition.duration)
    measured = f"{rendition.samples} samples at {rendition.sample_rate} Hz, {found}"
    return check("decode", wanted, measured, expectation.duration_is_estimate or lengths.hold(rendition.duration))


def _checksum(rendition: Inspection) -> Check:
    wanted = "the checksum in the file's own header"
    if rendition.checksum_matches is None:
        return not_checked("checksum", wanted, f"{rendition.probe.codec} files have none, or it is left empty")
    return check(
        "checksum", wanted, "the same" if rendition.checksum_matches else "another", rendition.checksum_matches
    )


def _stored(stored: StoredBytes | None) -> Check:
    name, wanted = "stored_bytes", "size and CRC-64 of the stored object"
    if stored is None or stored.header_crc64 is None or stored.crc64 is None:
        return not_checked(name, wanted, "not all of it was read, or it has no CRC-64")
    wanted = f"{stored.header_size} bytes, CRC-64 {stored.header_crc64}"
    right = (stored.size, stored.crc64) == (stored.header_size, stored.header_crc64)
    return check(name, wanted, f"{stored.size} bytes, CRC-64 {stored.crc64}", right)
