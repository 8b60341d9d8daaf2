"""What `audio/info` returns about an object: IMM's DetectMediaMeta as OSS passes it on (page "Audio information")."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from oss_local_cloud.imm.engine.binaries import Binaries
from oss_local_cloud.imm.engine.failure import ConversionFailed, over_limit, unreadable
from oss_local_cloud.imm.engine.limits import EngineLimits
from oss_local_cloud.imm.engine.process import Allowance, run
from oss_local_cloud.imm.engine.source import GUARDS, last_error

_MOST_OUTPUT = 1024 * 1024
_STREAM_TEXTS = {
    "CodecName": "codec_name",
    "CodecLongName": "codec_long_name",
    "CodecTag": "codec_tag",
    "CodecTagString": "codec_tag_string",
    "SampleFormat": "sample_fmt",
    "ChannelLayout": "channel_layout",
    "TimeBase": "time_base",
}
_STREAM_INTEGERS = {
    "Index": "index",
    "Bitrate": "bit_rate",
    "Channels": "channels",
    "SampleRate": "sample_rate",
    "FrameCount": "nb_frames",
}
_TAGS = {"Album": "album", "AlbumArtist": "album_artist", "Artist": "artist", "Title": "title", "Composer": "composer"}


async def read(path: Path, binaries: Binaries, limits: EngineLimits, scratch: Path) -> dict[str, object]:
    """Probe a file under the engine's guards.

    Returns:
        Fields by their documented names: durations and start times in seconds, bitrates in bit/s, sizes in bytes.
        Unknown values are left out.

    Raises:
        ConversionFailed: The file has no audio.
    """
    size = os.stat(path).st_size
    if size == 0:
        raise unreadable("the object is empty (0 bytes)")
    finished = await run(
        [binaries.ffprobe, "-v", "error", *GUARDS, "-show_format", "-show_streams", "-of", "json", f"file:{path}"],
        Allowance(limits.probe_cpu_seconds, limits.probe_wall_seconds, limits.memory_bytes, _MOST_OUTPUT),
        scratch,
    )
    if finished.overstepped is not None:
        raise over_limit("the object's headers took too long to read")
    if finished.returncode != 0:
        raise unreadable(f"the object is not audio in a format this service reads: {last_error(finished.stderr, path)}")
    found = json.loads(finished.stdout)
    audio = [stream for stream in found.get("streams", ()) if stream.get("codec_type") == "audio"]
    audio = [stream for stream in audio if int(stream.get("sample_rate", 0)) and int(stream.get("channels", 0))]
    if not audio:
        raise ConversionFailed("NoAudioStream", "the object has no audio stream")
    return {**_format(found["format"], size, audio[0]), "AudioStreams": [_stream(stream) for stream in audio]}


def _format(found: dict[str, Any], size: int, first: dict[str, Any]) -> dict[str, object]:
    # Ogg keeps the tags with the stream.
    tags = {name.lower(): value for source in (first, found) for name, value in source.get("tags", {}).items()}
    return {
        **{name: tags[key] for name, key in _TAGS.items() if key in tags},
        **_integers({"Bitrate": "bit_rate"}, found),
        **_floats(found),
        "FormatName": found["format_name"],
        "FormatLongName": found["format_long_name"],
        "StreamCount": found["nb_streams"],
        "Size": size,
    }


def _stream(found: dict[str, Any]) -> dict[str, object]:
    texts = {name: found[key] for name, key in _STREAM_TEXTS.items() if key in found}
    # Newer FFmpegs leave this one out; for audio it always was one sample.
    texts["CodecTimeBase"] = f"1/{found['sample_rate']}"
    language = {"Language": found["tags"]["language"]} if "language" in found.get("tags", {}) else {}
    return {**_integers(_STREAM_INTEGERS, found), **_floats(found), **texts, **language}


def _integers(names: dict[str, str], found: dict[str, Any]) -> dict[str, int]:
    return {name: int(found[key]) for name, key in names.items() if key in found}


def _floats(found: dict[str, Any]) -> dict[str, float]:
    names = {"Duration": "duration", "StartTime": "start_time"}
    return {name: float(found[key]) for name, key in names.items() if key in found}
