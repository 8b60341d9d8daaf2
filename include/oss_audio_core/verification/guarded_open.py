"""Opening an untrusted file: known audio containers only, and no other file or address.

Without these guards a playlist or a manifest named `.mp3` makes FFmpeg read local files or the network.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import av
from av.container import InputContainer

from oss_audio_core.audio_convert.containers.few_frames import few_frames_demuxer
from oss_audio_core.audio_convert.containers.wave_chunks import has_unused_bits
from oss_audio_core.verification.all_bits_valid import AllBitsValid
from oss_audio_core.verification.errors import UnreadableAudio

_CONTAINERS = (
    "wav,w64,aiff,au,caf,mp3,aac,flac,ogg,ac3,eac3,amr,amrnb,amrwb,mov,matroska,avi,flv,mpegts,mpeg,asf,ape,wv,tta,dsf"
)
"""Demuxers that may open a file; none of them opens further files by itself."""

_OPTIONS = {
    "format_whitelist": _CONTAINERS,
    # We hand over an open file, so FFmpeg needs no protocol at all; no protocol has this name.
    "protocol_whitelist": "none",
}

# Tags in Latin-1 are common. PyAV 19 (Python 3.12 and later) keeps such bytes by itself, PyAV 18 needs the option.
_LENIENT_TAGS: dict[str, Any] = {"metadata_errors": "surrogateescape"} if av.__version__.startswith("18.") else {}

_WAV_PROBE_BYTES = "65536"


def open_container(file: BinaryIO, name: str, err_detect: str = "") -> InputContainer:
    """Open `file` (seekable, at any position) for demuxing; the caller closes what is returned.

    `err_detect` makes the demuxer strict, in FFmpeg's words.

    Errors of `file` itself pass through.

    Raises:
        UnreadableAudio: it is empty, or no known container.
    """
    file.seek(0)
    head = file.read(12)
    file.seek(0)
    if not head:
        raise UnreadableAudio(name, "it is empty (0 bytes)")
    options = _OPTIONS | ({"err_detect": err_detect} if err_detect else {})
    if head[8:12] == b"WAVE" or head[:4] == b"riff":
        # FFmpeg searches up to 5 MB of 16-bit PCM for hidden DTS, 20 ms of CPU; this much is enough to find it.
        options["probesize"] = _WAV_PROBE_BYTES
    opened = AllBitsValid(file) if head[8:12] == b"WAVE" and has_unused_bits(file) else file
    file.seek(0)
    try:
        demuxer = few_frames_demuxer(file)
        file.seek(0)
        container: InputContainer = av.open(opened, mode="r", format=demuxer, options=options, **_LENIENT_TAGS)
    except av.error.EOFError:
        raise UnreadableAudio(name, "it ends before its header does") from None
    except av.FFmpegError as error:
        raise UnreadableAudio(name, f"no known audio container ({error.strerror})") from None
    return container
