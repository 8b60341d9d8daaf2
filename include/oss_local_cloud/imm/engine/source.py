"""What the source is: its first audio stream, as ffprobe reports it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oss_audio_core.audio_convert.containers.declared_length import DemuxerLengths, counted_seconds
from oss_audio_core.audio_convert.containers.few_frames import is_all_frames
from oss_audio_core.audio_convert.containers.wave_chunks import has_unused_bits
from oss_local_cloud.imm.engine import plain_wav
from oss_local_cloud.imm.engine.binaries import Binaries
from oss_local_cloud.imm.engine.failure import ConversionFailed, internal, over_limit, unreadable
from oss_local_cloud.imm.engine.limits import EngineLimits
from oss_local_cloud.imm.engine.process import Allowance, run

FORMAT_WHITELIST = (
    "wav,w64,aiff,au,caf,mp3,aac,flac,ogg,ac3,eac3,amr,amrnb,amrwb,mov,matroska,avi,flv,mpegts,mpeg,asf,ape,wv,tta,dsf"
)
"""Demuxers that read a file and nothing else: no playlist, manifest, concatenation or network format."""

MOST_STREAMS = 64
"""Streams a source may have; each one costs memory before the first is read."""

GUARDS = ("-protocol_whitelist", "file", "-format_whitelist", FORMAT_WHITELIST, "-max_streams", str(MOST_STREAMS))
"""Options that must stand before every `-i`: a manifest named .mp3 made an old FFmpeg fetch a URL
without them.
"""

WHOLE_SAMPLES = "pcm_s32le"
"""The codec of a wav file whose samples have unused bits, whatever FFmpeg takes it for."""

_PROBED = (
    "stream=codec_name,sample_rate,channels,channel_layout,start_time,duration,bit_rate,bits_per_raw_sample,"
    "bits_per_sample,nb_frames,sample_fmt:format=format_name,duration,bit_rate,probe_score,nb_streams"
)
_ENOUGH_OF_WAV = ("-probesize", "32768")
"""ffprobe would search several seconds of a wav's samples for DTS, which costs more than all else it does. This much
shows DTS unless silence comes first; such a source then counts as the stereo its header says.
"""
_LOWEST_SCORE = 5  # FFmpeg calls what it detects below that a possible misdetection


@dataclass(frozen=True)
class Source:
    """The first audio stream of a source object.

    `container` is FFmpeg's demuxer name, `sample_rate` in Hz, `bit_rate` in bit/s (the stream's, else the
    file's), `bits` per sample (0 for lossy codecs). `lengths` is what the demuxer says of the length, and
    `counted_seconds` what of that a header counts; None where none does, or the data has to be looked at.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    layout: str
    bit_rate: int | None
    bits: int
    lengths: DemuxerLengths
    counted_seconds: float | None


async def probe(path: Path, binaries: Binaries, limits: EngineLimits, scratch: Path) -> Source:
    """Read a source's headers.

    Raises:
        ConversionFailed: it has no audio that this engine reads; the message has the reason.
    """
    if os.stat(path).st_size == 0:
        raise unreadable("the source is empty (0 bytes)")
    plain = plain_wav.read(path)
    return await probe_by_program(path, binaries, limits, scratch) if plain is None else _plain(plain)


async def probe_by_program(path: Path, binaries: Binaries, limits: EngineLimits, scratch: Path) -> Source:
    """`probe` of a file that is not empty, by ffprobe."""
    finished = await run(
        [
            binaries.ffprobe,
            *(
                "-v",
                "error",
                *(_ENOUGH_OF_WAV if _is_wav(path) else ()),
                *GUARDS,
                "-select_streams",
                "a:0",
                "-show_entries",
                _PROBED,
                "-of",
                "json",
            ),
            f"file:{path}",
        ],
        Allowance(limits.probe_cpu_seconds, limits.probe_wall_seconds, limits.memory_bytes, 1024 * 1024),
        scratch,
    )
    if finished.overstepped is not None:
        raise over_limit("the source's headers took too long to read")
    if finished.returncode < 0:
        raise unreadable(f"the source's headers crash the program that reads them (signal {-finished.returncode})")
    if finished.returncode != 0 and not finished.stderr.strip():
        raise internal(
            f"ffprobe ended with status {finished.returncode} and no reason: is the local cloud's disk full?"
        )
    if finished.returncode != 0:
        reason = last_error(finished.stderr, path)
        raise unreadable(f"the source is not audio in a format this service reads: {reason}")
    try:
        found = json.loads(finished.stdout)
    except ValueError:
        raise internal("ffprobe's answer could not be read") from None
    return _source(path, found)


async def end_of_packets(path: Path, binaries: Binaries, limits: EngineLimits, scratch: Path) -> float:
    """Second at which the last packet of the audio ends; 0 where that is unknown. Reads all packets."""
    finished = await run(
        [
            binaries.ffprobe,
            *("-v", "quiet", *GUARDS, "-select_streams", "a:0", "-show_entries", "packet=pts_time,duration_time"),
            *("-of", "csv=p=0", f"file:{path}"),
        ],
        Allowance(limits.cpu_seconds, limits.wall_seconds, limits.memory_bytes, limits.output_bytes),
        scratch,
    )
    ends = (_packet_end(line.split(",")) for line in finished.stdout.splitlines()[1:])
    return max((end for end in ends if end is not None), default=0.0)


def _packet_end(fields: list[str]) -> float | None:
    begin, duration = _seconds(fields[0]), _seconds(fields[1]) if len(fields) > 1 else None
    return None if begin is None else begin + (duration or 0.0)


def _plain(found: plain_wav.PlainWav) -> Source:
    return Source(
        container="wav",
        codec=found.codec,
        sample_rate=found.sample_rate,
        channels=found.channels,
        layout="unknown",
        bit_rate=found.sample_rate * found.channels * found.bits,
        bits=found.bits,
        lengths=DemuxerLengths(),
        counted_seconds=None,
    )


def _is_wav(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WAVE"


def last_error(stderr: str, path: Path) -> str:
    """The last line FFmpeg wrote that says what is wrong, without the name of our own file."""
    if "not on whitelist" in stderr.lower():
        return "it is no audio or video container, or one that refers to other files"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    line = lines[-1] if lines else "no reason given"
    line = line.replace(f"file:{path}", "the source").replace(str(path), "the source")
    line = re.sub(r"\[[^\]]*@ 0x[0-9a-f]+\] ?|\[(error|fatal|panic)\] ?", "", line)
    return line.removeprefix("the source: ")[:300]


def _source(path: Path, found: dict[str, Any]) -> Source:
    streams, container = found.get("streams", []), found.get("format", {})
    if not streams:
        raise _no_audio(container)
    stream = streams[0]
    rate, channels = _number(stream.get("sample_rate")), _number(stream.get("channels"))
    if not rate or not channels:
        raise unreadable("the source is not audio in a format this service reads: no sample rate or channels")
    name = str(container.get("format_name", ""))
    with path.open("rb") as file:
        if _number(container.get("probe_score")) <= _LOWEST_SCORE and not is_all_frames(file, name):
            raise unreadable(f"the source is not audio in a format this service reads: it resembles {name} by chance")
    bits = _number(stream.get("bits_per_raw_sample")) or _number(stream.get("bits_per_sample"))
    lengths = DemuxerLengths(
        stream=_seconds(stream.get("duration")),
        file=_seconds(container.get("duration")) if _number(container.get("nb_streams")) == 1 else None,
        begins=_seconds(stream.get("start_time")) or 0.0,
    )
    codec = str(stream.get("codec_name", "unknown"))
    with path.open("rb") as file:
        counted = counted_seconds(file, name, lengths)
        if name == "wav" and has_unused_bits(file):
            codec, bits = WHOLE_SAMPLES, 32
    return Source(
        container=name,
        codec=codec,
        sample_rate=rate,
        channels=channels,
        layout=str(stream.get("channel_layout", "unknown")),
        bit_rate=_number(stream.get("bit_rate")) or _number(container.get("bit_rate")) or None,
        bits=bits,
        lengths=lengths,
        counted_seconds=counted,
    )


def _no_audio(container: dict[str, Any]) -> ConversionFailed:
    return ConversionFailed(
        "NoAudioStream", f"the source has no audio stream (container: {container.get('format_name', 'unknown')})"
    )


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0


def _seconds(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
