"""What probe measures in files of every format, against an independent decoder."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest

from oss_audio_core.verification import Probe, UnreadableAudio, check_complete, probe

MakeAudio = Callable[..., Path]


class Sample(NamedTuple):
    name: str
    arguments: tuple[str, ...]
    codec: str
    rate: int
    channels: int
    # Seconds by which the independent decode may differ.
    tolerance: float = 0.0005


SAMPLES = [
    Sample("a.mp3", ("-b:a", "128k"), "mp3", 44100, 2),
    Sample("low.mp3", ("-b:a", "32k", "-ar", "8000", "-ac", "1"), "mp3", 8000, 1),
    Sample("vbr.mp3", ("-q:a", "5"), "mp3", 44100, 2),
    Sample("a.aac", ("-b:a", "96k"), "aac", 44100, 2),
    Sample("a.flac", (), "flac", 44100, 2),
    Sample("a.oga", ("-c:a", "libvorbis"), "vorbis", 44100, 2, 0.005),
    Sample("a.ac3", ("-ar", "48000"), "ac3", 48000, 2),
    Sample("a.opus", ("-c:a", "libopus", "-ar", "16000"), "opus", 48000, 2),
    Sample("nb.amr", ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"), "amr_nb", 8000, 1),
    Sample("wb.amr", ("-c:a", "libvo_amrwbenc", "-ar", "16000", "-ac", "1"), "amr_wb", 16000, 1),
    Sample("a.wav", (), "pcm_s16le", 44100, 2),
    Sample("float.wav", ("-c:a", "pcm_f32le"), "pcm_f32le", 44100, 2),
    Sample("a.aiff", (), "pcm_s16be", 44100, 2),
    Sample("a.au", (), "pcm_s16be", 44100, 2),
    Sample("a.m4a", ("-b:a", "96k"), "aac", 44100, 2, 0.024),
    Sample("a.mkv", ("-c:a", "flac"), "flac", 44100, 2, 0.03),
    Sample("a.webm", ("-c:a", "libopus"), "opus", 48000, 2, 0.02),
    Sample("a.wma", ("-c:a", "wmav2"), "wmav2", 44100, 2, 0.05),
]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
@pytest.mark.parametrize("seconds", [0.3, 7.0])
def test_codec_rate_channels_and_duration(
    sample: Sample, seconds: float, make_audio: MakeAudio, decoded_seconds: Callable[[Path], float]
) -> None:
    path = make_audio(sample.name, *sample.arguments, seconds=seconds)
    measured = probe(path)
    assert (measured.codec, measured.sample_rate, measured.channels) == (
        sample.codec,
        sample.rate,
        sample.channels,
    )
    assert measured.duration == pytest.approx(decoded_seconds(path), abs=sample.tolerance)
    assert measured.size == path.stat().st_size
    assert measured.bitrate * measured.duration / 8 <= measured.size + 1
    assert measured.read_error is None
    assert check_complete(measured).passed


def test_a_transport_stream_starts_anywhere_in_time(make_audio: MakeAudio) -> None:
    measured = probe(make_audio("a.ts", "-c:a", "mp2", "-output_ts_offset", "1000", seconds=2))
    assert measured.codec == "mp2"
    assert measured.duration == pytest.approx(2.0, abs=0.03)


@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_channels_up_to_eight(channels: int, make_audio: MakeAudio) -> None:
    for name in ("many.flac", "many.wav"):
        assert probe(make_audio(name, channels=channels)).channels == channels


@pytest.mark.parametrize(("depth", "sample_format"), [(16, "s16"), (24, "s32")])
def test_flac_tells_its_bits(depth: int, sample_format: str, make_audio: MakeAudio) -> None:
    path = make_audio("depth.flac", "-sample_fmt", sample_format, "-bits_per_raw_sample", str(depth))
    assert probe(path).bits_per_sample == depth


@pytest.mark.parametrize(("encoder", "bits"), [("pcm_u8", 8), ("pcm_s24le", 24), ("pcm_f32le", 32)])
def test_pcm_tells_its_bits(encoder: str, bits: int, make_audio: MakeAudio) -> None:
    assert probe(make_audio("pcm.wav", "-c:a", encoder)).bits_per_sample == bits


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 48000])
def test_opus_decodes_at_48000_and_tells_the_rate_asked_for(rate: int, make_audio: MakeAudio) -> None:
    measured = probe(make_audio("rate.opus", "-c:a", "libopus", "-ar", str(rate)))
    assert (measured.sample_rate, measured.opus_input_rate) == (48000, rate)


def test_a_bitrate_is_that_of_the_audio_and_not_of_the_cover(make_audio: MakeAudio) -> None:
    cover = ("-f", "lavfi", "-i", "color=red:size=600x600:duration=0.04:rate=25")
    art = ("-map", "0:a", "-map", "1:v", "-c:v", "png", "-disposition:v", "attached_pic")
    measured = probe(make_audio("cover.mp3", *cover, *art, "-b:a", "96k", seconds=3))
    assert measured.bitrate == pytest.approx(96000, rel=0.03)
    assert measured.declared_duration == pytest.approx(3.0, abs=0.001)


def test_the_first_audio_stream_of_a_video_counts(make_audio: MakeAudio) -> None:
    picture = ("-f", "lavfi", "-i", "color=blue:size=64x64:duration=3:rate=5")
    path = make_audio("film.mp4", *picture, "-map", "1:v", "-map", "0:a", "-c:v", "mpeg4", seconds=2)
    measured = probe(path)
    assert measured.codec == "aac"
    assert measured.duration == pytest.approx(2.0, abs=0.03)
    assert check_complete(measured).passed


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a.wav", ()),
        ("a.wav", ("-rf64", "always")),
        ("a.aiff", ()),
        ("a.au", ()),
        ("a.flac", ()),
        ("a.mp3", ("-b:a", "64k")),
        ("a.m4a", ("-movflags", "+faststart")),
        ("a.mkv", ("-c:a", "flac")),
        ("a.tta", ()),
        ("a.wv", ()),
    ],
)
@pytest.mark.parametrize("share", [0.5, 0.7])
def test_a_truncated_source_is_noticed(
    name: str, arguments: tuple[str, ...], share: float, make_audio: MakeAudio
) -> None:
    whole = make_audio(name, *arguments, seconds=4).read_bytes()
    assert check_complete(probe(BytesIO(whole))).passed
    measured = probe(BytesIO(whole[: int(len(whole) * share)]))
    assert measured.declared_duration == pytest.approx(4.0, abs=0.05)
    # The last packet may be a stump and still count whole: up to a second in tta.
    assert measured.duration < 4.0 * share + 1.05
    check = check_complete(measured)
    assert not check.passed
    assert "4.0" in check.expected


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a.aac", ()),
        ("a.ac3", ("-ar", "48000")),
        ("a.opus", ("-c:a", "libopus")),
        ("noxing.mp3", ("-write_xing", "0")),
    ],
)
def test_a_format_that_declares_no_length_promises_none(
    name: str, arguments: tuple[str, ...], make_audio: MakeAudio
) -> None:
    assert probe(make_audio(name, *arguments)).declared_duration is None


def test_tags_that_are_not_utf8_disturb_nothing(make_audio: MakeAudio) -> None:
    wav = make_audio("a.wav").read_bytes()
    title = b"INFOINAM\x04\x00\x00\x00\xfc\xe9\xff\x00"
    tagged = wav[:36] + b"LIST" + len(title).to_bytes(4, "little") + title + wav[36:]
    assert probe(BytesIO(tagged)).duration == pytest.approx(1.0)


def test_a_wav_written_to_a_pipe_promises_nothing(make_audio: MakeAudio) -> None:
    wav = bytearray(make_audio("a.wav").read_bytes())
    size_at = wav.index(b"data") + 4
    for unknown in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x00"):
        wav[size_at : size_at + 4] = unknown
        measured = probe(BytesIO(bytes(wav)))
        assert measured.declared_duration is None
        assert measured.duration == pytest.approx(1.0, abs=0.001)


def test_an_open_file_is_measured_like_its_path(make_audio: MakeAudio) -> None:
    path = make_audio("a.mp3", "-b:a", "128k")
    by_path: Probe = probe(path)
    with path.open("rb") as file:
        file.seek(100)
        assert probe(file) == by_path
    assert probe(str(path)) == by_path


def test_errors_of_the_file_itself_pass_through(tmp_path: Path, make_audio: MakeAudio) -> None:
    with pytest.raises(FileNotFoundError):
        probe(tmp_path / "absent.mp3")

    class BreaksOff(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 50_000:
                raise ConnectionResetError("the store hung up")
            return super().read(size)

    with pytest.raises(ConnectionResetError, match="the store hung up"):
        probe(BreaksOff(make_audio("a.wav").read_bytes()))


def test_a_video_without_audio_is_not_audio(make_audio: MakeAudio) -> None:
    picture = ("-f", "lavfi", "-i", "color=blue:size=64x64:duration=1:rate=5", "-map", "1:v")
    with pytest.raises(UnreadableAudio, match="no audio stream"):
        probe(make_audio("silent-film.mp4", *picture, "-c:v", "mpeg4"))


@pytest.mark.parametrize("codec", ["ac3", "eac3"])
def test_frames_longer_than_their_clock_can_tell_add_up(
    codec: str, make_audio: Callable[..., Path], decoded_seconds: Callable[[Path], float]
) -> None:
    path = make_audio(f"a.{codec}", "-c:a", codec, seconds=100, rate=44100, channels=1)
    assert probe(path).duration == pytest.approx(decoded_seconds(path), abs=0.001)
