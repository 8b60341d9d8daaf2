"""The seven output formats of `audio/convert`: one table for clients, local cloud and verification.

Rates, channel limits and bit depths are the table "Format constraints" of the seed. Extensions, content types
and codec names are facts of the formats; where the documentation is silent (aac as ADTS, oga as Vorbis) the
choice is written in docs/seed-notes.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from oss_audio_core.audio_convert.codec_facts import CODECS, CodecFacts

SAMPLE_RATES: tuple[int, ...] = (
    8000,
    11025,
    12000,
    16000,
    22050,
    24000,
    32000,
    44100,
    48000,
    64000,
    88200,
    96000,
)
"""Every value of `ar` in Hz (seed, table of parameters)."""

MAX_CHANNELS = 8
"""The upper end of `ac` (seed, table of parameters)."""


@dataclass(frozen=True)
class AudioFormat:
    """What one value of `f` means.

    `sample_rates` in Hz; `max_channels` counts from 1; `bit_depths` are the values `adepth` may have
    (none but for flac). `codecs` maps an output sample rate in Hz to the codec that must be found in the
    file, in FFmpeg's names; the key 0 stands for every rate not listed. `containers` are the FFmpeg demuxer
    names under which the file opens.
    """

    name: str
    extension: str
    content_type: str
    sample_rates: frozenset[int]
    max_channels: int
    codecs: Mapping[int, str]
    containers: frozenset[str]
    lossless: bool = False
    bit_depths: frozenset[int] = frozenset()

    def codec(self, sample_rate: int) -> str:
        """FFmpeg's name of the codec for output at `sample_rate` Hz (amr: 8,000 amr_nb, 16,000 amr_wb)."""
        return self.codecs.get(sample_rate, self.codecs[0])

    def facts(self, sample_rate: int) -> CodecFacts:
        """What is known of that codec."""
        return CODECS[self.codec(sample_rate)]

    @property
    def counts_its_length(self) -> bool:
        """Whether the files of all its codecs state their length without every frame being read."""
        return all(CODECS[codec].counts_its_length for codec in self.codecs.values())

    def describe_rates(self) -> str:
        """The allowed sample rates as a sentence part: `8000, 16000 Hz`."""
        return f"{', '.join(str(rate) for rate in sorted(self.sample_rates))} Hz"

    def describe_channels(self) -> str:
        """The allowed channel counts as a sentence part: `1` or `1 to 6`."""
        return "1" if self.max_channels == 1 else f"1 to {self.max_channels}"


_ALL_RATES = frozenset(SAMPLE_RATES)

FORMATS: Mapping[str, AudioFormat] = MappingProxyType(
    {
        audio_format.name: audio_format
        for audio_format in (
            AudioFormat(
                name="mp3",
                extension="mp3",
                content_type="audio/mpeg",
                sample_rates=frozenset(rate for rate in SAMPLE_RATES if rate <= 48000),
                max_channels=2,
                codecs=MappingProxyType({0: "mp3"}),
                containers=frozenset({"mp3"}),
            ),
            AudioFormat(
                name="aac",
                extension="aac",
                content_type="audio/aac",
                sample_rates=_ALL_RATES,
                max_channels=MAX_CHANNELS,
                codecs=MappingProxyType({0: "aac"}),
                containers=frozenset({"aac"}),
            ),
            AudioFormat(
                name="flac",
                extension="flac",
                content_type="audio/flac",
                sample_rates=_ALL_RATES,
                max_channels=MAX_CHANNELS,
                codecs=MappingProxyType({0: "flac"}),
                containers=frozenset({"flac"}),
                lossless=True,
                bit_depths=frozenset({16, 24}),
            ),
            AudioFormat(
                name="oga",
                extension="oga",
                content_type="audio/ogg",
                sample_rates=_ALL_RATES,
                max_channels=MAX_CHANNELS,
                codecs=MappingProxyType({0: "vorbis"}),
                containers=frozenset({"ogg"}),
            ),
            AudioFormat(
                name="ac3",
                extension="ac3",
                content_type="audio/ac3",
                sample_rates=frozenset({32000, 44100, 48000}),
                max_channels=6,
                codecs=MappingProxyType({0: "ac3"}),
                containers=frozenset({"ac3"}),
            ),
            AudioFormat(
                name="opus",
                extension="opus",
                content_type="audio/ogg; codecs=opus",
                sample_rates=frozenset({8000, 12000, 16000, 24000, 48000}),
                max_channels=MAX_CHANNELS,
                codecs=MappingProxyType({0: "opus"}),
                containers=frozenset({"ogg"}),
            ),
            AudioFormat(
                name="amr",
                extension="amr",
                content_type="audio/amr",
                sample_rates=frozenset({8000, 16000}),
                max_channels=1,
                codecs=MappingProxyType({0: "amr_nb", 16000: "amr_wb"}),
                containers=frozenset({"amr"}),
            ),
        )
    }
)
"""The seven formats by the value of `f`."""
