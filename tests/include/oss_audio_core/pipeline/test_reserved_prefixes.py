"""Targets in staging or among the exports are refused; their neighbours are not."""

from __future__ import annotations

import pytest

from oss_audio_core.audio_convert import ParameterError
from oss_audio_core.pipeline.reserved_prefixes import ReservedPrefixes

RESERVED = ReservedPrefixes(".staging/", "catalogue/")


@pytest.mark.parametrize("key", [".staging/a.mp3", ".staging/a/b.mp3", "catalogue/a.mp3", "catalogue/dt=1/a.mp3"])
def test_a_key_under_a_prefix_is_refused(key: str) -> None:
    with pytest.raises(ParameterError, match=rf"target key is '{key}'; allowed: a key outside of the \w+ prefix '"):
        RESERVED.refuse_key(key)


@pytest.mark.parametrize("key", ["a.mp3", "a/.staging/a.mp3", ".staging.mp3", "catalogues/a.mp3", "Catalogue/a.mp3"])
def test_another_key_is_good(key: str) -> None:
    RESERVED.refuse_key(key)
    RESERVED.refuse_template(key)


@pytest.mark.parametrize("template", [".staging/{key}.mp3", "catalogue/{dirname}/{barename}.mp3"])
def test_a_template_that_always_lies_under_a_prefix_is_refused(template: str) -> None:
    with pytest.raises(ParameterError, match="allowed: a key outside of the"):
        RESERVED.refuse_template(template)


@pytest.mark.parametrize("template", ["{dirname}/{barename}.mp3", "{{.staging/{key}.mp3", "out/.staging/{key}.mp3"])
def test_a_template_that_depends_on_the_source_is_judged_key_by_key(template: str) -> None:
    RESERVED.refuse_template(template)


@pytest.mark.parametrize("nothing", ["", None])
def test_without_exports_their_folder_is_free(nothing: str | None) -> None:
    ReservedPrefixes(".staging/", nothing).refuse_key("catalogue/a.mp3")
