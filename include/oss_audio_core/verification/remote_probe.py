"""`probe_remote`: measurements of a stored rendition of any size by one or two ranged reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import islice

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from oss_audio_core.audio_convert import FORMATS
from oss_audio_core.audio_convert.codec_facts import CODECS
from oss_audio_core.audio_convert.containers import frame_chain
from oss_audio_core.audio_convert.containers.mp3_header import mp3_length, read_mp3_header
from oss_audio_core.verification import tail_parsers
from oss_audio_core.verification.decoder_boundary import decoder_boundary
from oss_audio_core.verification.errors import UnreadableAudio
from oss_audio_core.verification.guarded_open import open_container
from oss_audio_core.verification.packet_length import PacketLength
from oss_audio_core.verification.probe import Probe, as_probe, first_audio, probe

HEAD_BYTES = 32 * 1024
"""The first read: codec, rate and channels of all seven formats are in it, and the whole of a short clip."""

TAIL_BYTES = 64 * 1024
"""The second read: a page of Ogg is shorter."""

WHOLE_BYTES = 256 * 1024
"""What is known to be no larger is read whole by the first read."""

FLAC_TAIL_BYTES = 192 * 1024
"""A frame of 8 channels, 24 bits and 4,608 samples has 110 KB when it can't be compressed."""

ReadRange = Callable[[int, int], tuple[bytes, int]]
"""(start, length) to the bytes there, fewer at the end, and the size of the whole object."""

CHAINS: dict[str, tuple[frame_chain.FrameLength, int]] = {
    "mp3": (mp3_length, 4096),
    "aac": (frame_chain.adts_length, 8192),
    "ac3": (frame_chain.ac3_length, 4096),
    "amr_nb": (frame_chain.amr_nb_length, 64),
    "amr_wb": (frame_chain.amr_wb_length, 64),
}
"""How the frames of a codec follow one another, and in how many bytes one is found."""

PAGED_CONTAINERS = frozenset({"ogg", "flac"})
"""Containers whose last page or frame tells the end by itself."""

_CHAINED_TAIL_BYTES = 16 * 1024
_LONGEST_OGG_PACKET = 8192
"""Samples: of Vorbis; Opus has at most 5,760."""

_ID3V1 = 128


@dataclass(frozen=True, kw_only=True)
class RemoteProbe:
    """Measurements of an object that was not downloaded.

    `probe`: as of a file, with `duration_is_estimate` where the parts read can't tell (aac and amr always; an
    mp3 without a header that counts its frames); `packets` is 0 when not all were read. `whole_tail`: the last
    frame or page ends where the object does; None where that can't be told. `audio_bitrate`: bit/s of the audio without
    pictures and video, as far as the header tells; None: it does not. `requests` and `bytes_read` are
    what it cost.
    """

    probe: Probe
    whole_tail: bool | None
    requests: int
    bytes_read: int
    audio_bitrate: int | None = None

    @property
    def ends_by_count(self) -> bool:
        """Whether the end was not read: an mp3 whose header counts its bytes has as many, or not."""
        return self.requests == 1 and self.bytes_read < self.probe.size


def may_decide(format: str, size: int | None) -> bool:
    """Whether a probe can pass a rendition of a format and a size in bytes (None: not known).

    Nothing but all frames tells the duration of aac and amr, so only those that are read whole can pass.
    """
    return FORMATS[format].counts_its_length or size is None or size <= WHOLE_BYTES


@decoder_boundary
def probe_remote(read_range: ReadRange, name: str, size: int | None = None) -> RemoteProbe:
    """Probe an object by one read of 256 KiB at most, or by two of 224 KiB together.

    `read_range` is asked for the head first; its answer also tells the size. One read does for an object whose
    `size` is known to be 256 KiB at most, for any of 32 KiB at most, and for an mp3 that has exactly the bytes that
    its header counts. `name` stands for the object in errors. Errors of `read_range`
    pass through.

    Raises:
        UnreadableAudio: as `probe` does.
    """
    head, size = read_range(0, WHOLE_BYTES if size is not None and size <= WHOLE_BYTES else HEAD_BYTES)
    with open_container(BytesIO(head), name) as container:
        stream = first_audio(container, name)
        codec = stream.codec_context.codec.canonical_name
        wanted = FLAC_TAIL_BYTES if codec == "flac" else _CHAINED_TAIL_BYTES if codec in CHAINS else TAIL_BYTES
        wanted = min(wanted, size)
        all_of_it = len(head) >= size
        if all_of_it and (size <= HEAD_BYTES or not _counts_its_length(codec)):
            # Its packets were counted; but a demuxer takes the beginning of the last one for a packet.
            end = _end(container, stream, codec, head, head[-wanted:], size)
            whole = probe(BytesIO(head), name)
            return RemoteProbe(
                probe=whole,
                whole_tail=end.whole,
                requests=1,
                bytes_read=len(head),
                audio_bitrate=whole.bitrate,
            )
        counted = None if all_of_it else _counted_end(container, stream, head, size)
        at_once = all_of_it or counted is not None
        tail = b"" if at_once else read_range(size - wanted, wanted)[0]
        end = counted or _end(container, stream, codec, head, tail or head[-wanted:], size)
        length = PacketLength(
            packets=0,
            payload=size,
            duration=end.duration,
            uncertainty=0.0,
            gapless=True,
            read_error=None,
        )
        if not _begins_with_audio(container, stream):
            raise UnreadableAudio(name, "a header, but no audio after it")
        measured = as_probe(container, stream, length, BytesIO(head))
        audio_bitrate = _audio_bitrate(container, stream, measured)
    found = replace(
        measured, size=size, declared_duration=end.declared, duration_is_estimate=end.estimated or not end.duration
    )
    return RemoteProbe(
        probe=found,
        whole_tail=end.whole,
        requests=1 if at_once else 2,
        bytes_read=len(head) + len(tail),
        audio_bitrate=audio_bitrate,
    )


@dataclass(frozen=True)
class _End:
    """What the last bytes tell: is the end whole, the duration in seconds (0: unknown), what a header promises."""

    whole: bool | None
    duration: float = 0.0
    estimated: bool = False
    declared: float | None = None


def _counted_end(container: InputContainer, stream: AudioStream, head: bytes, size: int) -> _End | None:
    """The end of an mp3 that has as many bytes as its header counts, and no more; None where only the end tells."""
    header = read_mp3_header(head) if container.format.name == "mp3" else None
    if header is None or not header.frames or header.whole is False or header.at + header.size != size:
        return None
    seconds = header.samples / stream.codec_context.sample_rate
    return _End(True, seconds, declared=seconds)


def _end(container: InputContainer, stream: AudioStream, codec: str, head: bytes, tail: bytes, size: int) -> _End:
    rate = stream.codec_context.sample_rate
    if container.format.name == "ogg":
        granule = tail_parsers.ogg_end(tail, _LONGEST_OGG_PACKET)
        skipped = _opus_pre_skip(stream) if codec == "opus" else 0
        return _End(granule is not None, max(granule - skipped, 0) / rate if granule else 0.0)
    if container.format.name == "flac":
        extradata = stream.codec_context.extradata or b""
        samples = tail_parsers.flac_end(tail, int.from_bytes(extradata[:2], "big"))
        promised = int.from_bytes(extradata[13:18], "big") & (1 << 36) - 1
        return _End(samples is not None, (samples or promised) / rate, samples is None, promised / rate or None)
    if codec not in CHAINS or container.format.name not in {"mp3", "aac", "ac3", "amr"}:
        return _End(None, estimated=True)
    if codec == "mp3" and tail[-_ID3V1:].startswith(b"TAG"):
        tail = tail[:-_ID3V1]
    length, reach = CHAINS[codec]
    chain = frame_chain.follow(tail, length, reach)
    whole = chain.whole if chain else None
    if codec == "mp3":
        header = read_mp3_header(head)
        if header is None or not header.frames:
            return _End(whole)
        seconds = header.samples / rate
        return _End(whole if header.fits(size) else False, seconds, declared=seconds)
    if codec == "ac3":
        mean = frame_chain.ac3_mean_length(head, head.find(b"\x0b\x77"))
        constant = chain is not None and abs(chain.size / chain.frames - mean) <= 2 and mean > 0
        return _End(
            whole, round(size / mean) * CODECS["ac3"].frame_samples / rate if mean else 0.0, estimated=not constant
        )
    if chain is None:
        return _End(None)
    return _End(whole, size / (chain.size / chain.frames) * CODECS[codec].frame_samples / rate, estimated=True)


def _audio_bitrate(container: InputContainer, stream: AudioStream, measured: Probe) -> int | None:
    """The header's, or that of all bytes where there is nothing but the audio."""
    stated = stream.bit_rate or 0
    if len(container.streams) > 1 or not measured.bitrate:
        return stated or None
    return min(stated, measured.bitrate) if stated else measured.bitrate


def _counts_its_length(codec: str) -> bool:
    return codec not in CODECS or CODECS[codec].counts_its_length


def _opus_pre_skip(stream: AudioStream) -> int:
    extradata = stream.codec_context.extradata or b""
    return int.from_bytes(extradata[10:12], "little")


def _begins_with_audio(container: InputContainer, stream: AudioStream) -> bool:
    try:
        return any(packet.size for packet in islice(container.demux(stream), 1))
    except av.FFmpegError:
        return False
