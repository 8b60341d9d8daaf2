"""The second opinion tells right renditions from wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.corpus.recipes import by_ffmpeg
from tools.corpus.second_decoder import decode, difference
from tools.corpus.workshop import Workshop, music, write_wav


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.aac", "a.opus"])
def test_a_right_rendition(shop: Workshop, tmp_path: Path, name: str) -> None:
    source = decode(shop.wav(rate=48_000))
    by_ffmpeg(rate=48_000)(shop, tmp_path / name)
    assert source.seconds == pytest.approx(2.0)
    assert difference(source, decode(tmp_path / name), 1152) == ""


def test_a_cut_another_and_no_sound(shop: Workshop, tmp_path: Path) -> None:
    source = decode(shop.wav(rate=48_000))
    by_ffmpeg(rate=48_000, seconds=1.5)(shop, tmp_path / "short.flac")
    assert difference(source, decode(tmp_path / "short.flac"), 1152) == "-0.500 s against the source's 2.000 s"
    played = music(96_000, 48_000, 2)
    played[20_000:60_000] = 0
    write_wav(tmp_path / "other.wav", played, 48_000)
    assert "another sound" in difference(source, decode(tmp_path / "other.wav"), 1152)
    (tmp_path / "text.mp3").write_text("text")
    assert "does not decode" in difference(source, decode(tmp_path / "text.mp3"), 1152)
