"""A key or a message in a log line can't begin a line of its own, nor reach the terminal that shows the log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import oss_audio_core
from oss_audio_core.text.logs import get_logger


def test_what_is_filled_in_is_escaped_and_numbers_keep_their_format(caplog: pytest.LogCaptureFixture) -> None:
    log = get_logger("oss_audio_core.a_module")
    log.warning("oss://%s/%s: %s after %.1f s, %d left", "b", "a\nERROR \x1b[31mb", ValueError("x\u202ey"), 0.25, 3)
    (record,) = caplog.records
    assert record.getMessage() == r"oss://b/a\nERROR \x1b[31mb: x\u202ey after 0.2 s, 3 left"
    assert (record.name, record.levelname) == ("oss_audio_core.a_module", "WARNING")


def test_a_line_names_the_place_that_wrote_it(caplog: pytest.LogCaptureFixture) -> None:
    get_logger("oss_audio_core.a_module").error("failed")
    assert caplog.records[0].funcName == "test_a_line_names_the_place_that_wrote_it"


def test_a_line_below_the_level_is_not_formatted(caplog: pytest.LogCaptureFixture) -> None:
    class Unreadable:
        def __str__(self) -> str:
            raise AssertionError

    caplog.set_level(logging.WARNING)
    get_logger("oss_audio_core.a_module").info("%s", Unreadable())
    assert caplog.records == []


def test_every_module_of_the_core_logs_through_it() -> None:
    core = Path(oss_audio_core.__file__).parent
    plain = [path for path in core.rglob("*.py") if "logging.getLogger(__name__)" in path.read_text(encoding="utf-8")]
    assert plain == []
