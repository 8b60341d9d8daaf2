"""Real conversions from every usual kind of source hold what their expectation says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.verification import compare, expected, probe

SOURCES = {
    "a.wav": (),
    "a.aiff": (),
    "a.flac": (),
    "gapless.mp3": ("-b:a", "128k"),
    "plain.mp3": ("-b:a", "128k", "-write_xing", "0"),
    "vbr.mp3": ("-q:a", "3"),
    "a.aac": (),
    "a.m4a": (),
    "alac.m4a": ("-c:a", "alac"),
    "a.ac3": (),
    "a.oga": ("-c:a", "libvorbis"),
    "a.opus": ("-c:a", "libopus"),
    "a.amr": ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"),
    "a.webm": ("-c:a", "libopus"),
    "a.mkv": ("-c:a", "flac"),
    "a.wma": ("-c:a", "wmav2"),
    "a.avi": ("-c:a", "mp2"),
}
CONVERSIONS = [
    (AudioConvert(f="mp3", ar=44100, ac=2), ("-c:a", "libmp3lame", "-f", "mp3")),
    (AudioConvert(f="aac", ar=48000, ac=2), ("-c:a", "aac", "-f", "adts")),
    (AudioConvert(f="opus", ar=48000, ac=1), ("-c:a", "libopus", "-f", "opus")),
]


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize(("convert", "encoder"), CONVERSIONS, ids=["mp3", "aac", "opus"])
@pytest.mark.parametrize(("ss", "t"), [(None, None), (500, 1200), (1500, 9000)])
def test_a_true_conversion_passes(
    name: str,
    convert: AudioConvert,
    encoder: tuple[str, ...],
    ss: int | None,
    t: int | None,
    make_audio: Callable[..., Path],
    convert_audio: Callable[..., Path],
) -> None:
    source = make_audio(name, *SOURCES[name], seconds=2.3)
    asked = AudioConvert(f=convert.f, ar=convert.ar, ac=convert.ac, ss=ss, t=t)
    cut = f"atrim=start={(ss or 0) / 1000}" + (f":end={((ss or 0) + t) / 1000}" if t else "")
    shape = ("-af", f"{cut},asetpts=PTS-STARTPTS", "-ar", f"{asked.ar}", "-ac", f"{asked.ac}")
    rendition = convert_audio(source, "rendition", *shape, *encoder)
    checks = compare(expected(asked, probe(source)), probe(rendition))
    assert [str(check) for check in checks if not check.passed] == []
