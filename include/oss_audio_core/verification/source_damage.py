"""Whether a source itself is damaged, by the checksums that its own format carries; and what is odd about it.

A damaged source gives a damaged rendition of the right length, which no comparison of the two tells. Only formats that
check themselves are judged: of the others a strict decoder's error may concern a mere oddity of the encoder.
"""

from __future__ import annotations

from oss_audio_core.verification.checks import Check, check, not_checked
from oss_audio_core.verification.expectation import check_complete
from oss_audio_core.verification.inspection import Inspection
from oss_audio_core.verification.ogg_end import PAGE_DAMAGED
from oss_audio_core.verification.probe import Probe

NAME = "source_damage"
WANTED = "a source whose own checksums are right"

CHECKED_FRAMES = frozenset({"flac", "tta", "wavpack", "ape"})
"""FFmpeg's names of lossless codecs with a checksum in every frame, which a strict decode compares."""

_MISSED = 0.1
"""Seconds that a strict decode must leave out: an error behind the last frame is no damage."""

_LEAST_RATE = 32000
"""Hz from where on a source is noted whose sound was cut off."""


_LEAST_CUT_OFF = 9000.0
"""Hz from where on codecs cut off; a tone ends far below by itself."""


def source_is_complete(source: Probe) -> Check:
    """Whether a source has all that its header declares."""
    found = check_complete(source)
    return Check("source", found.expected, found.measured, found.verdict)


def source_damage_check(probe: Probe, inspection: Inspection | None) -> Check:
    """Whether the checksums that a source carries are right."""
    if inspection is None or inspection.stopped:
        return not_checked(NAME, WANTED, "the source was not decoded to its end")
    missed = (probe.declared_duration or probe.duration) - inspection.duration
    if probe.codec in CHECKED_FRAMES and inspection.decode_error and missed > _MISSED:
        return check(NAME, WANTED, f"{inspection.decode_error}, of {probe.duration:.3f} s", right=False)
    if probe.container == "ogg" and (inspection.decode_error or "").startswith(PAGE_DAMAGED.partition("{")[0]):
        return check(NAME, WANTED, f"{inspection.decode_error}; {inspection.duration:.3f} s decode", right=False)
    # In another container the header may be that of the file which the frames were copied from.
    if inspection.checksum_matches is False and probe.container == probe.codec == "flac":
        return check(NAME, WANTED, "the MD5 of its samples is not the one in its header", right=False)
    if inspection.checksum_matches or (probe.codec in CHECKED_FRAMES and not inspection.decode_error):
        return check(NAME, WANTED, "they are right", right=True)
    return not_checked(NAME, WANTED, "it has none that decide")


def source_notes(probe: Probe, inspection: Inspection | None) -> list[str]:
    """What is odd about a source without being wrong, a sentence each."""
    if inspection is None:
        return []
    notes = []
    if inspection.checksum_matches is False and probe.codec != "flac":
        notes.append("the checksum in its LAME header is not that of its frames: edited since, or damaged")
    if inspection.decode_error:
        notes.append(f"a strict decode ends early: {inspection.decode_error}")
    lossless = probe.codec.startswith("pcm_") or probe.codec in CHECKED_FRAMES | {"alac"}
    cut_at = inspection.bandwidth if inspection.is_cut_off else None
    if lossless and cut_at and cut_at >= _LEAST_CUT_OFF and probe.sample_rate >= _LEAST_RATE:
        notes.append(
            f"lossless, but its sound is cut off at {cut_at / 1000:.1f} kHz, "
            "as after a lossy codec or a lower sample rate"
        )
    return notes
