"""What is known of each codec in the files that `audio/convert` writes: one row a codec.

Verification takes its bitrates and tolerances from here, and the local cloud's encoders their bitrate steps. Steps and
frame sizes are those of the codecs' standards. Tolerances of lengths follow from frames and delays; those of bitrates
were measured on noise, music-like mixtures and tones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_PCM_BITS = 32
"""Bits of a sample in the largest PCM form, for the upper end of a lossless codec."""


@dataclass(frozen=True, kw_only=True)
class CodecFacts:
    """One codec.

    Attributes:
        name: FFmpeg's name.
        frame_samples: samples per channel of its usual frame or longest packet.
        bitrate_ladders: pairs of a sample rate in Hz and the bit/s that the codec has from there on, the highest rate
            first. Empty: it has any bitrate.
        bitrate_tolerance: part by which a file may lie above its bitrate; with steps, also below.
        least_bitrate: bit/s of a channel below which the codec does not go, where it has no steps.
        most_bitrate: bit/s at most; None: lossless, or the highest step.
        most_bitrate_is_per_channel: whether `most_bitrate` counts for each channel.
        frame_header_bytes: bytes before each stored frame, which fills its last byte (RFC 4867).
        lossless: whether decoding gives the encoded samples.
        duration_tolerance: seconds either way, for the rounding of cuts and of resampling.
        shorter_by_samples: samples by which a file may be shorter: padding that it states and does not have.
        longer_by_samples: samples by which a file may be longer: delay and padding that it does not state.
        unknown_delay_samples: the same, of a file without a gapless header.
        decoded_longer_samples: samples that a decoder may give beyond the packets' time.
        decoded_shorter_samples: samples that a decoder may leave out of the packets' time.
        counts_its_length: whether a header or the last page states the length; otherwise every frame has to be read.
    """

    name: str
    frame_samples: int
    bitrate_ladders: tuple[tuple[int, tuple[int, ...]], ...] = ()
    bitrate_tolerance: float = 0.0
    least_bitrate: int = 8_000
    most_bitrate: int | None = None
    most_bitrate_is_per_channel: bool = True
    frame_header_bytes: int = 0
    lossless: bool = False
    duration_tolerance: float = 0.001
    shorter_by_samples: int = 0
    longer_by_samples: int = 0
    unknown_delay_samples: int = 0
    decoded_longer_samples: int = 0
    decoded_shorter_samples: int = 0
    counts_its_length: bool = True

    def bitrate_steps(self, sample_rate: int) -> tuple[int, ...]:
        """The bit/s that the codec has at `sample_rate` Hz, in rising order; empty: any."""
        return next((steps for lowest, steps in self.bitrate_ladders if sample_rate >= lowest), ())

    def nearest_bitrate(self, wanted: int, sample_rate: int, channels: int) -> int:
        """The bit/s of audio data in a file for which `wanted` were asked; of two equally near steps the lower."""
        steps = self.bitrate_steps(sample_rate)
        if not steps:
            return max(wanted, self.least_bitrate * channels)
        return self._stored(min(steps, key=lambda step: (abs(step - wanted), step)), sample_rate)

    def highest_bitrate(self, sample_rate: int, channels: int) -> int:
        """The bit/s of audio data that a file may have at most, whatever was asked for."""
        if self.most_bitrate is not None:
            return self.most_bitrate * (channels if self.most_bitrate_is_per_channel else 1)
        steps = self.bitrate_steps(sample_rate)
        if not steps:
            return sample_rate * channels * _PCM_BITS
        return round(self._stored(steps[-1], sample_rate) * (1 + self.bitrate_tolerance))

    def _stored(self, step: int, sample_rate: int) -> int:
        if not self.frame_header_bytes:
            return step
        frames_a_second = sample_rate // self.frame_samples
        return 8 * frames_a_second * (self.frame_header_bytes + -(-step // (8 * frames_a_second)))


def _kbit(*rates: int) -> tuple[int, ...]:
    return tuple(1000 * rate for rate in rates)


CODECS: Mapping[str, CodecFacts] = MappingProxyType(
    {
        facts.name: facts
        for facts in (
            CodecFacts(
                name="mp3",
                frame_samples=1152,
                bitrate_ladders=(
                    (32_000, _kbit(32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)),
                    (0, _kbit(8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)),
                ),
                bitrate_tolerance=0.05,
                most_bitrate=320_000,
                most_bitrate_is_per_channel=False,
                # LAME ends with up to 46 samples beyond its last whole frame of padding. A header that states no more
                # padding than a frame, as FFmpeg's does, leaves them in; where a source's channels change, FFmpeg
                # states one more than they are.
                shorter_by_samples=47,
                longer_by_samples=46,
                unknown_delay_samples=3 * 1152,
            ),
            CodecFacts(
                name="aac",
                frame_samples=1024,
                bitrate_tolerance=0.15,
                most_bitrate=576_000,
                # A frame of delay, and up to a sample less than one to fill the last frame.
                longer_by_samples=2047,
                counts_its_length=False,
            ),
            CodecFacts(name="flac", frame_samples=4608, lossless=True),
            CodecFacts(
                name="vorbis",
                frame_samples=2048,
                bitrate_tolerance=0.35,
                least_bitrate=32_000,
                most_bitrate=500_000,
                duration_tolerance=0.005,
                # FFmpeg cuts the last Vorbis block to the end that the file states, and no block before it. A file that
                # ends with a long block may lack half of it: a short block's 512 samples overlap by 256.
                decoded_longer_samples=2048,
                decoded_shorter_samples=256,
            ),
            CodecFacts(
                name="ac3",
                frame_samples=1536,
                bitrate_ladders=(
                    (0, _kbit(32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)),
                ),
                bitrate_tolerance=0.02,
                most_bitrate=640_000,
                most_bitrate_is_per_channel=False,
                # Up to a sample less than a frame fills the last one.
                longer_by_samples=1535,
            ),
            CodecFacts(
                name="opus", frame_samples=960, bitrate_tolerance=0.25, least_bitrate=6_000, most_bitrate=510_000
            ),
            CodecFacts(
                name="amr_nb",
                frame_samples=160,
                bitrate_ladders=((0, (4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200)),),
                bitrate_tolerance=0.02,
                frame_header_bytes=1,
                # The encoder looks ahead by 5 ms (3GPP TS 26.090), 50 samples for FFmpeg, and fills a frame.
                longer_by_samples=50 + 160,
                counts_its_length=False,
            ),
            CodecFacts(
                name="amr_wb",
                frame_samples=320,
                bitrate_ladders=((0, (6600, 8850, 12650, 14250, 15850, 18250, 19850, 23050, 23850)),),
                bitrate_tolerance=0.02,
                frame_header_bytes=1,
                # The encoder looks ahead by 5 ms (3GPP TS 26.190), and fills a frame.
                longer_by_samples=80 + 320,
                counts_its_length=False,
            ),
        )
    }
)
"""The codecs of all output formats, by FFmpeg's name."""
