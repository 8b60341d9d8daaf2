"""What demuxers give out as packets though it is no audio: tags and remnants in mp3, empty frames in ADTS."""

from __future__ import annotations

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

_MOST_BEHIND = 64 * 1024
"""Bytes behind the last frame, other than tags, that may be no audio: a disk's cluster filled up. More was audio."""

_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")
_LAYERS = frozenset({"mp1", "mp2", "mp3"})


class StrayPackets:
    """Tells packets with audio from the others, in their order.

    `error` says why what was passed over is no harmless rest. It is known when the last packet was asked about.
    """

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        codec = stream.codec_context.codec.canonical_name
        self._is_mpeg = container.format.name == "mp3" and codec in _LAYERS
        self._is_adts = container.format.name == "aac"
        self._frames = self._passed_over = 0
        self.error: str | None = None

    def has_audio(self, packet: Packet[AudioStream]) -> bool:
        """Whether `packet` holds audio; the size of an empty one is 0."""
        size = packet.size
        if self._is_mpeg and size:
            return self._is_frame(packet, size)
        # Of seven bytes (ISO/IEC 13818-7, adts_frame_length): a header and nothing else.
        return size > 7 if self._is_adts else size > 0

    def _is_frame(self, packet: Packet[AudioStream], size: int) -> bool:
        view = memoryview(packet)
        if size >= 4 and view[0] == 0xFF and view[1] >= 0xE0:
            if self._passed_over and self._frames:
                self.error = f"{self._passed_over} bytes between two frames are no audio"
            self._frames, self._passed_over = self._frames + 1, 0
            return True
        if not bytes(view[: len(max(_TAGS, key=len))]).startswith(_TAGS):
            self._passed_over += size
            if self._passed_over > _MOST_BEHIND:
                self.error = f"the last {self._passed_over} bytes are no audio"
        return False
