"""Short titles in encodings that their files don't name are guessed; accents of Western languages stay as they are."""

from __future__ import annotations

import pytest

from oss_audio_core.verification.tag_encoding import decoded_tags, guess

SIMPLIFIED = (
    "周杰伦",
    "青花瓷",
    "七里香",
    "月亮代表我的心",
    "我和我的祖国",
    "邓丽君",
    "晴天",
    "爱 (Live)",
    "第1集 开始",
    "漂洋过海来看你",
)
TRADITIONAL = ("周杰倫", "鄧麗君", "月亮代表我的心", "愛情轉移", "說好的幸福呢")
JAPANESE = ("さくら", "ドラえもん", "宇多田ヒカル", "もののけ姫", "上を向いて歩こう")
WESTERN = (
    "Beyoncé",
    "Motörhead",
    "Café del Mar",
    "Für Elise",
    "Señorita",
    "Björk",
    "Créée",
    "Ça plane pour moi",
    "Sigur Rós",
    "naïve",
    "Où",
)
RUSSIAN = ("Ария", "Кино", "Группа крови", "Подмосковные вечера")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(text, "gb18030") for text in SIMPLIFIED]
    + [(text, "big5") for text in TRADITIONAL]
    + [(text, "shift_jis") for text in JAPANESE],
)
def test_a_title_alone(text: str, encoding: str) -> None:
    assert guess(text.encode(encoding)) == encoding


@pytest.mark.parametrize("text", SIMPLIFIED)
@pytest.mark.parametrize("marked_as_latin", [True, False])
def test_the_text_is_decoded_and_its_bytes_are_kept(text: str, marked_as_latin: bool) -> None:
    stored = text.encode("gb18030")
    seen = stored.decode("latin-1") if marked_as_latin else stored.decode("utf-8", "surrogateescape")
    assert decoded_tags({"title": seen, "date": "2003"}) == {
        "title": text,
        "title.guessed": "gb18030",
        "title.bytes": stored.hex(),
        "date": "2003",
    }


@pytest.mark.parametrize("text", WESTERN)
def test_accents_stay(text: str) -> None:
    assert decoded_tags({"title": text}) == {"title": text}


@pytest.mark.parametrize("text", [*WESTERN, *SIMPLIFIED, *TRADITIONAL, *JAPANESE, *RUSSIAN, "plain"])
def test_what_is_unicode_already_stays(text: str) -> None:
    assert decoded_tags({"artist": text}) == {"artist": text}


@pytest.mark.parametrize("text", RUSSIAN)
def test_cyrillic_is_not_taken_for_chinese(text: str) -> None:
    assert guess(text.encode("cp1251")) is None


def test_utf_8_that_was_marked_as_latin_1() -> None:
    tags = decoded_tags({"title": "青花瓷".encode().decode("latin-1")})
    assert (tags["title"], tags["title.guessed"]) == ("青花瓷", "utf-8")


def test_bytes_that_nothing_explains_are_kept() -> None:
    stored = b"\xff\xfe\x80 \x81"
    tags = decoded_tags({"title": stored.decode("utf-8", "surrogateescape")})
    assert (tags["title.guessed"], bytes.fromhex(tags["title.bytes"])) == ("latin-1", stored)
    assert tags["title"].encode("latin-1") == stored


def test_accents_that_the_file_did_not_name_are_latin_1() -> None:
    tags = decoded_tags({"artist": "Björk".encode("latin-1").decode("utf-8", "surrogateescape")})
    assert (tags["artist"], tags["artist.guessed"]) == ("Björk", "latin-1")


def test_the_texts_of_a_file_help_one_another() -> None:
    stored = {"title": "爱", "artist": "周杰伦", "album": "七里香"}
    seen = {tag: text.encode("gb18030").decode("latin-1") for tag, text in stored.items()}
    found = decoded_tags(seen)
    assert {tag: found[tag] for tag in stored} == stored
