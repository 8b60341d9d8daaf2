"""Which lengths of a source are credible: a rendition may have any one of them.

A decode that reaches the end without an error is the strongest evidence. What else is credible has to agree with it
within a packet, by which decoders differ: they drop the first block of Vorbis or keep it, fill up the last block or
don't. Without such a decode the packets speak. An estimate far from the evidence is no length of this source, whether
timestamps gave it that start anew (half of a chained file), a header that was left over, or a cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from oss_audio_core.verification.inspection import Inspection
from oss_audio_core.verification.length_estimates import LengthEstimates
from oss_audio_core.verification.probe import Probe

_ALL_DECODERS_AGREE = ("pcm_", "flac", "alac", "tta", "wavpack", "ape", "wmalossless", "truehd", "mlp")
"""Lossless codecs, by the beginning of their names: each frame says how many samples it has."""

_ALL_DECODERS_TRIM = frozenset({"mp3", "ogg"})
"""Containers whose delay and padding every decoder leaves out. Of others some decoders know nothing."""

_SAME = 0.0005
"""Seconds within which two estimates are one."""

_MOST_BY_RESTARTS = 0.01
"""Part of the length by which restarts make it uncertain at most."""


@dataclass(frozen=True)
class CredibleLength:
    """A length in seconds, where it comes from in words, and by how many seconds a decoder may differ from it."""

    origin: str
    seconds: float
    uncertainty: float = 0.0


def credible_lengths(source: Inspection | Probe) -> tuple[CredibleLength, ...]:
    """The lengths that `source` may have, the likeliest first; those that are as good as the same stand once."""
    found = _of_decode(source) if isinstance(source, Inspection) and _is_whole(source) else _of_packets(_probe(source))
    different: list[CredibleLength] = []
    for one in found:
        if all(abs(one.seconds - other.seconds) > _SAME for other in different):
            different.append(one)
    return tuple(different)


def _of_decode(source: Inspection) -> Iterator[CredibleLength]:
    """The decoded samples, and what agrees with them."""
    lengths, decoded = source.probe.lengths, source.duration
    longest, restarts = (lengths.longest_packet, lengths.restarts) if lengths else (0.0, 0)
    # Where a file goes on with another one, decoders differ by a packet each time.
    yield CredibleLength("decoded samples", decoded, min(restarts * longest, decoded * _MOST_BY_RESTARTS))
    if source.probe.codec.startswith(_ALL_DECODERS_AGREE):
        return
    reach = longest + source.probe.duration_uncertainty if lengths is None else longest * (1 + restarts)
    yield from _untrimmed(source.probe, decoded)
    for origin, seconds, without in _others(source.probe, lengths):
        if abs(without - decoded) <= reach:
            yield CredibleLength(origin, seconds)


def _of_packets(probe: Probe) -> Iterator[CredibleLength]:
    """The packets' length; also without the pauses between them, which not every decoder fills."""
    uncertainty, lengths = probe.duration_uncertainty, probe.lengths
    yield CredibleLength("packets", probe.duration, uncertainty)
    yield from _untrimmed(probe, probe.duration)
    if lengths is not None and lengths.gaps and not lengths.restarts:
        yield CredibleLength("packets without pauses", probe.duration - lengths.gaps, uncertainty)


def _untrimmed(probe: Probe, seconds: float) -> Iterator[CredibleLength]:
    if probe.lengths is None or probe.container.split(",")[0] in _ALL_DECODERS_TRIM:
        return
    delay, padding = probe.lengths.delay, probe.lengths.padding
    yield CredibleLength("samples with the encoder's delay", seconds + delay)
    yield CredibleLength("samples with the encoder's padding", seconds + padding)
    yield CredibleLength("samples with delay and padding", seconds + delay + padding)


def _others(probe: Probe, lengths: LengthEstimates | None) -> Iterator[tuple[str, float, float]]:
    """Origin, seconds, and the seconds without pauses: these are what a decode gives."""
    if lengths is None:
        yield "timestamps", probe.duration, probe.duration
    else:
        if not lengths.restarts:
            without = lengths.timestamps - lengths.gaps
            yield "timestamps", lengths.timestamps, without
            yield "timestamps without pauses", without, without
        if lengths.packets is not None:
            yield "packets", lengths.packets, lengths.packets
        if lengths.header is not None:
            yield "header", lengths.header, lengths.header
    if probe.declared_duration is not None:
        yield "header", probe.declared_duration, probe.declared_duration


def _is_whole(source: Inspection) -> bool:
    return bool(source.samples) and not source.decode_error and not source.stopped


def _probe(source: Inspection | Probe) -> Probe:
    return source.probe if isinstance(source, Inspection) else source
