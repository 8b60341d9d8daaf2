"""Whatever a key holds, each medium shows it and nothing else; the exact forms give back every character."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from oss_audio_core.text.escaping import for_json, for_log, for_markdown, for_terminal, for_tsv

INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
RENDERERS = (MarkdownIt("commonmark").enable("table"), MarkdownIt("gfm-like"))
"""The second finds addresses in plain text, as GitHub does."""

PIECES = (
    *("`", "``", "|", "\\", "\\|", " ", "  ", "<b>", "<script>alert(1)</script>", "![x](http://h/x.png)", "<!--"),
    *("[x](javascript:alert(1))", "https://h.com/", "www.h.com", "a@h.com", "<http://h.com>", "&amp;", "&#124;"),
    *("*", "**", "_", "~~", "# ", "1. ", "- ", "---", "> ", "\t", "\n", "\r\n", "\x1b[31m", "\x07", "\u202e", "\u2028"),
    *("a", "song.au", "夜", "🎧", "א", "\u200d", "\xa0", "\u3000", "[1]", "[1]: http://h.com", "$x$", "@h", ":x:"),
)
AWKWARD = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
)
"""Keys as an attacker writes them: pieces that mean something somewhere, side by side."""


def is_visible(text: str) -> bool:
    return not any(unicodedata.category(one) in INVISIBLE for one in text)


def leaves(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.children is None:
            yield token
        else:
            yield from leaves(token.children)


@given(AWKWARD)
def test_no_control_or_bidirectional_character_reaches_a_terminal_or_a_log(text: str) -> None:
    for shown in (for_terminal(text), for_log(text)):
        assert is_visible(shown)
        if is_visible(text):
            assert shown == text


def test_an_escape_names_its_character() -> None:
    assert for_terminal("a\x1b[31m\n\u202eb  \x85.\U000e0041") == r"a\x1b[31m\n\u202eb  \x85.\U000e0041"
    assert for_terminal("\udcff") == r"\udcff"
    assert for_log("name\n2026-03-01 ERROR all is lost") == r"name\n2026-03-01 ERROR all is lost"


@given(AWKWARD)
def test_a_field_of_a_tab_separated_line_is_read_back_exactly(text: str) -> None:
    field = for_tsv(text)
    assert is_visible(field)
    assert field.encode("latin-1", "backslashreplace").decode("unicode_escape") == text


@pytest.mark.parametrize("text", ["two  spaces.wav", " at the ends ", "夜 🎧.wav", 'it\'s "quoted" `and` <b> | piped'])
def test_a_field_without_backslashes_and_invisible_characters_is_the_text_itself(text: str) -> None:
    assert for_tsv(text) == text


@given(st.recursive(AWKWARD | st.integers() | st.none(), lambda inner: st.dictionaries(AWKWARD, inner, max_size=3)))
def test_json_is_read_back_exactly_and_shows_no_control_character(value: object) -> None:
    shown = for_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(shown) == value
    assert is_visible(shown.replace("\n", ""))


def test_json_keeps_the_letters_of_all_scripts() -> None:
    assert for_json('"夜 א 🎧 \x7f\x9b\u202e\U000e0041"') == r'"夜 א 🎧 \u007f\u009b\u202e\udb40\udc41"'


@pytest.mark.parametrize("renderer", RENDERERS)
@given(text=AWKWARD.filter(bool), other=AWKWARD.filter(bool))
def test_markdown_renders_as_the_text_and_as_nothing_else(renderer: MarkdownIt, text: str, other: str) -> None:
    """As a cell of a table, in a heading and in a paragraph, beside another one."""
    shown, beside = for_markdown(text), for_markdown(other)
    assert is_visible(shown)
    page = f"# Batch {shown}\n\nfrom {shown}, as {beside}.\n\n| A | B |\n|---|---|\n| {shown} | {beside} (x) |\n"
    tokens = renderer.parse(page)
    inline = [
        "".join(leaf.content for leaf in leaves(token.children or [])) for token in tokens if token.type == "inline"
    ]
    key, second = for_terminal(text), for_terminal(other)
    assert inline == [f"Batch {key}", f"from {key}, as {second}.", "A", "B", key, f"{second} (x)"]
    assert {leaf.type for token in tokens if token.children for leaf in leaves(token.children)} <= {
        "text",
        "code_inline",
    }


def test_plain_words_stay_readable_in_markdown_and_anything_else_is_code() -> None:
    assert for_markdown("not audio by its name") == "not audio by its name"
    assert for_markdown("mobile-mp3") == "mobile-mp3"
    assert for_markdown("songs/a_b.wav") == "`songs/a_b.wav`"
    assert for_markdown("a`b | c") == "`a`&#96;`b`&#32;&#124;&#32;`c`"
