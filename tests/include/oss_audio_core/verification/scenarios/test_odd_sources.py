"""Sources whose length is in doubt: a right rendition passes, and a cut or a doubled one does not."""

from __future__ import annotations

import contextlib
import io
import subprocess
import wave
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import av
import pytest

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.verification import Inspection, Verdict, check_complete, decode_limits, inspect, probe, verify
from tests.include.oss_audio_core.verification.damages import ENCODERS
from tests.include.oss_audio_core.verification.odd_sources import SOURCES

MakeAudio = Callable[..., Path]

WISHES = {
    "mp3": AudioConvert(f="mp3", ar=44100, ac=2),
    "flac": AudioConvert(f="flac", ar=44100, ac=2),
    "opus": AudioConvert(f="opus", ar=48000, ac=2),
}
DECODED_FIRST = ("transport stream", "stereo and mono")
"""What the static FFmpeg 6.0 can't convert by itself: it crashes on transport streams, and loses what its filters hold
where channels change."""


def decoded(content: bytes) -> bytes:
    """All its audio as stereo of 44.1 kHz in a wav, by the FFmpeg of PyAV, without packets that can't be decoded."""
    target = io.BytesIO()
    with av.open(BytesIO(content), mode="r") as container, wave.open(target, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(44100)
        for packet in container.demux(container.streams.audio[0]):
            with contextlib.suppress(av.FFmpegError):
                for frame in packet.decode():
                    frame.pts = None
                    alike = av.AudioResampler(format="s16", layout="stereo", rate=44100).resample(frame)
                    out.writeframes(b"".join(made.to_ndarray().tobytes() for made in alike))
    return target.getvalue()


def rendition(ffmpeg: str, content: bytes, f: str, *arguments: str, folder: Path) -> BytesIO:
    """What a right service makes of it, by the other FFmpeg, or with arguments a wrong one."""
    source, target = folder / "source", folder / f"rendition.{f}"
    source.write_bytes(content)
    wish = WISHES[f]
    shape = ("-ar", f"{wish.ar}", "-ac", f"{wish.ac}", "-map", "0:a:0", *ENCODERS[f])
    command = [ffmpeg, "-nostdin", "-v", "fatal", "-y", "-i", f"file:{source}"]
    subprocess.run(
        [*command, *(arguments or ("-af", "aresample=ochl=stereo,asetpts=NAN")), *shape, f"file:{target}"], check=True
    )
    return BytesIO(target.read_bytes())


def judged(f: str, source: Inspection, made: BytesIO) -> Verdict:
    found = inspect(made, loudness=False, true_peak=False, limits=decode_limits(WISHES[f], source))
    return verify(WISHES[f], source, found)


@pytest.mark.parametrize("name", SOURCES)
def test_a_right_rendition_passes_and_a_wrong_length_does_not(
    name: str, make_audio: MakeAudio, ffmpeg: str, tmp_path: Path
) -> None:
    content = SOURCES[name](make_audio)
    source = inspect(BytesIO(content), loudness=False, true_peak=False, follows_changes=True)
    assert source.decode_error is None
    assert check_complete(source).passed, str(check_complete(source))
    heard = decoded(content) if any(part in name for part in DECODED_FIRST) else content
    for f in WISHES:
        verdict = judged(f, source, rendition(ffmpeg, heard, f, folder=tmp_path))
        assert verdict.passed, f"{f}: {verdict.reason}"
    for part in (0.25, 0.5, 0.8, 2.0):
        change = ("-af", f"asetpts=N/SR/TB,atrim=end={source.duration * part},apad=whole_dur={source.duration * part}")
        verdict = judged("flac", source, rendition(ffmpeg, heard, "flac", *change, folder=tmp_path))
        assert not verdict.passed
        assert {"duration", "decode"} <= {check.name for check in verdict.failures}


@pytest.mark.parametrize("name", ["chained Opus", "chained Vorbis", "FLAC numbered by samples"])
def test_timestamps_of_no_sense_are_no_length(name: str, make_audio: MakeAudio) -> None:
    content = SOURCES[name](make_audio)
    source = inspect(BytesIO(content), loudness=False, true_peak=False)
    for measured in (source.probe, probe(BytesIO(content))):
        assert measured.lengths is not None
        assert measured.lengths.restarts
        assert abs(measured.lengths.timestamps - source.duration) > 1
        assert measured.duration == pytest.approx(source.duration, abs=0.1)


@pytest.mark.parametrize("f", WISHES)
def test_a_cut_source_is_complete_no_more_than_its_rendition(
    f: str, make_audio: MakeAudio, ffmpeg: str, tmp_path: Path
) -> None:
    whole = make_audio("a.flac", seconds=4).read_bytes()
    cut = whole[: len(whole) // 2]
    source = inspect(BytesIO(cut), loudness=False, true_peak=False)
    made = rendition(ffmpeg, cut, f, folder=tmp_path)
    assert not check_complete(source).passed
    of_whole = inspect(BytesIO(whole), loudness=False, true_peak=False)
    assert "duration" in {check.name for check in judged(f, of_whole, made).failures}
