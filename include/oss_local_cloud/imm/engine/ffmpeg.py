"""The engine: source file in, rendition file out, or the reason why not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.audio_convert.containers.declared_length import HAS_TIMESTAMPS, TOLERATED_SECONDS, declared_seconds
from oss_local_cloud.imm.engine.binaries import Binaries
from oss_local_cloud.imm.engine.command import Plan, command, plan
from oss_local_cloud.imm.engine.failure import (
    ConversionFailed,
    incomplete,
    internal,
    not_fitting,
    over_limit,
    unreadable,
)
from oss_local_cloud.imm.engine.limits import EngineLimits
from oss_local_cloud.imm.engine.process import Allowance, Finished, run
from oss_local_cloud.imm.engine.source import end_of_packets, last_error, probe

_DECODED = re.compile(r"Input stream #0:\d+ \(audio\): (\d+) packets read \(\d+ bytes\); (\d+) frames decoded")
_ENCODED = re.compile(r"Output stream #0:0 \(audio\):.*\((\d+) samples\)")

_DISK_FULL = "No space left on device"


class FfmpegEngine:
    """Converts with one FFmpeg build; `scratch` holds the programs' outputs while they run."""

    def __init__(self, binaries: Binaries, limits: EngineLimits, scratch: Path) -> None:
        self._binaries = binaries
        self._limits = limits
        self._scratch = scratch

    async def convert(self, convert: AudioConvert, source: Path, target: Path) -> None:
        """Write the rendition of `source` to `target`; raises ConversionFailed.

        `target` is complete when this returns; after an error it may be there in part and is the caller's
        to remove.
        """
        limits = self._limits
        found = await probe(source, self._binaries, limits, self._scratch)
        if found.counted_seconds is not None and found.counted_seconds > limits.source_seconds:
            raise over_limit(
                f"the source is {found.counted_seconds / 3600:.1f} h long; {limits.source_seconds / 3600:.1f} h "
                "is the most this service converts"
            )
        planned = _bounded(plan(convert, found), limits.source_seconds)
        finished = await run(
            command(self._binaries.ffmpeg, source, target, planned),
            Allowance(limits.cpu_seconds, limits.wall_seconds, limits.memory_bytes, limits.output_bytes),
            self._scratch,
            keeps_stdout=False,
        )
        encoded = self._encoded_seconds(finished, planned, source, target)
        await self._check_complete(finished, planned, source, planned.start_sample / found.sample_rate + encoded)

    def _encoded_seconds(self, finished: Finished, planned: Plan, source: Path, target: Path) -> float:
        """How long the rendition is; raises ConversionFailed when there is none."""
        if finished.overstepped is not None:
            raise self._overstepped(finished.overstepped)
        # FFmpeg exits with 0 when only the last bytes could not be written.
        if _DISK_FULL in finished.stderr:
            raise internal("no space is left on the local cloud's disk: free some, and convert it again")
        if finished.returncode != 0:
            raise _failed(finished, source)
        counted = _ENCODED.search(finished.stderr)
        if counted is None:
            raise internal("FFmpeg did not say how many samples it encoded")
        seconds = int(counted[1]) / planned.sample_rate
        if seconds == 0 or not target.exists():
            raise _nothing_encoded(planned)
        if seconds > self._limits.source_seconds:
            hours = self._limits.source_seconds / 3600
            raise over_limit(f"the source is longer than the {hours:.1f} h this service converts")
        return seconds

    async def _check_complete(self, finished: Finished, planned: Plan, source: Path, reached: float) -> None:
        """Raise ConversionFailed when the source should go on behind second `reached`, where decoding ended."""
        found = planned.source
        with source.open("rb") as file:
            declared = declared_seconds(file, found.container, found.lengths, reached)
        if declared is None or planned.wanted_until(declared) - reached <= TOLERATED_SECONDS:
            return
        # Samples don't tell the time where packets are left out: the last one does, if nothing was lost by decoding.
        if found.container.split(",")[0] in HAS_TIMESTAMPS and _decoded_all_packets(finished):
            last = await end_of_packets(source, self._binaries, self._limits, self._scratch)
            reached = max(reached, last - max(0.0, found.lengths.begins))
        if planned.wanted_until(declared) - reached > TOLERATED_SECONDS:
            raise incomplete(f"the source declares {declared:.1f} s but only {reached:.1f} s could be decoded")

    def _overstepped(self, limit: str) -> ConversionFailed:
        limits = self._limits
        sentence = {
            "wall": f"it took longer than {limits.wall_seconds:.0f} s",
            "cpu": f"it used up its {limits.cpu_seconds} s of CPU, or the system ended it",
            "file": f"its output would exceed {limits.output_bytes} bytes",
        }[limit]
        return over_limit(f"the conversion was ended: {sentence}")


def _bounded(planned: Plan, seconds: float) -> Plan:
    """A source that declares no length ends a second after the longest that is allowed, to be refused then."""
    if planned.source.counted_seconds is not None:
        return planned
    end = planned.start_sample + int((seconds + 1) * planned.source.sample_rate)
    return replace(planned, end_sample=end if planned.end_sample is None else min(end, planned.end_sample))


def _decoded_all_packets(finished: Finished) -> bool:
    """Whether each packet gave a frame; the first one may hold nothing but the encoder's delay."""
    counted = _DECODED.search(finished.stderr)
    return counted is not None and int(counted[2]) >= int(counted[1]) - 1


def _failed(finished: Finished, source: Path) -> ConversionFailed:
    errors = "\n".join(line for line in finished.stderr.splitlines() if "[error]" in line or "[fatal]" in line)
    reason = last_error(errors or finished.stderr, source)
    if "Cannot allocate memory" in errors:
        return over_limit("the conversion needs more memory than one is given")
    if finished.returncode < 0:
        return internal(f"FFmpeg ended with signal {-finished.returncode}")
    if not finished.stderr.strip():
        # FFmpeg names what is wrong with a source. On a full disk its reason is lost, too.
        return internal(
            f"FFmpeg ended with status {finished.returncode} and no reason: is the local cloud's disk full?"
        )
    return unreadable(f"the source could not be converted: {reason}")


def _nothing_encoded(planned: Plan) -> ConversionFailed:
    if planned.start_sample:
        return not_fitting(f"ss={planned.convert.ss} ms is beyond the end of the source")
    return unreadable("the source has an audio stream, but no audio could be decoded from it")
