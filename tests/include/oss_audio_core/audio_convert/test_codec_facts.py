"""What is known of each codec: a row for every codec of every format, and the values that verification relies on."""

from __future__ import annotations

import pytest

from oss_audio_core.audio_convert import FORMATS
from oss_audio_core.audio_convert.codec_facts import CODECS
from oss_audio_core.pipeline.lossy_guard import LOSSLESS, MAYBE_LOSSY
from oss_audio_core.pipeline.source_names import AUDIO_EXTENSIONS
from oss_audio_core.verification.remote_probe import CHAINS, PAGED_CONTAINERS
from tests.include.oss_audio_core.verification.damages import FORMATS as DAMAGED


def test_every_codec_of_every_format_has_a_row_and_no_other_has() -> None:
    assert {codec for audio_format in FORMATS.values() for codec in audio_format.codecs.values()} == CODECS.keys()


def test_the_row_agrees_with_the_formats_definition() -> None:
    for audio_format in FORMATS.values():
        assert {CODECS[codec].lossless for codec in audio_format.codecs.values()} == {audio_format.lossless}


def test_every_format_is_known_wherever_formats_are_distinguished() -> None:
    assert set(DAMAGED) == FORMATS.keys()  # the damage table of docs/verification.md
    for audio_format in FORMATS.values():
        assert audio_format.extension in AUDIO_EXTENSIONS  # selection: a file of it is audio
        for codec in audio_format.codecs.values():
            # A probe finds the end of a file by its frames or by its pages.
            assert codec in CHAINS or audio_format.containers <= PAGED_CONTAINERS
            assert audio_format.extension in MAYBE_LOSSY or codec in LOSSLESS  # the guard against degrading


@pytest.mark.parametrize(
    ("codec", "wanted", "rate", "channels", "stored"),
    [
        ("mp3", 100_000, 44_100, 2, 96_000),
        ("mp3", 100_000, 22_050, 2, 96_000),
        ("mp3", 20_000, 22_050, 1, 16_000),
        ("mp3", 20_000, 44_100, 1, 32_000),
        ("ac3", 200_000, 48_000, 2, 192_000),
        ("amr_nb", 12_200, 8_000, 1, 12_800),
        ("amr_wb", 23_850, 16_000, 1, 24_400),
        ("vorbis", 1_000, 44_100, 2, 64_000),
        ("opus", 1_000, 48_000, 2, 12_000),
        ("aac", 96_000, 44_100, 2, 96_000),
    ],
)
def test_the_nearest_bitrate(codec: str, wanted: int, rate: int, channels: int, stored: int) -> None:
    assert CODECS[codec].nearest_bitrate(wanted, rate, channels) == stored


@pytest.mark.parametrize(
    ("codec", "rate", "channels", "most"),
    [
        ("mp3", 44_100, 2, 320_000),
        ("aac", 44_100, 2, 1_152_000),
        ("ac3", 48_000, 6, 640_000),
        ("vorbis", 44_100, 2, 1_000_000),
        ("opus", 48_000, 2, 1_020_000),
        ("flac", 44_100, 2, 2_822_400),
        ("amr_nb", 8_000, 1, 13_056),
        ("amr_wb", 16_000, 1, 24_888),
    ],
)
def test_the_highest_bitrate(codec: str, rate: int, channels: int, most: int) -> None:
    assert CODECS[codec].highest_bitrate(rate, channels) == most
