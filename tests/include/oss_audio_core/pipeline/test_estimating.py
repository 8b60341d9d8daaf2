"""What a plan costs: minutes known or guessed, money by the user's own table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.pipeline.decisions import Plan
from oss_audio_core.pipeline.estimating import Estimate, PriceError, PriceTable

MP3 = AudioConvert(f="mp3")
TABLE = PriceTable("CNY", {"mp3": 0.5, "default": 1.0}, per_request=0.25)


def test_minutes_of_what_is_known_and_of_what_is_guessed() -> None:
    estimate = Estimate(TABLE)
    estimate.add(MP3, "a.wav", 1, 120.0)
    estimate.add(AudioConvert(f="flac", ss=30_000, t=60_000), "b.wav", 1, 300.0)
    estimate.add(AudioConvert(f="mp3", ss=30_000), "c.wav", 1, 20.0)
    assert (estimate.conversions, estimate.minutes, estimate.guessed_minutes) == (3, 3.0, 0.0)
    assert estimate.cost == pytest.approx(2 * 0.5 + 1.0 + 3 * 0.25)
    estimate.add(MP3, "d.WAV", 176_400 * 60, None)
    assert (estimate.minutes, estimate.guessed_minutes) == (4.0, 1.0)
    assert str(estimate) == "4 conversions, 4.0 minutes of output (1.0 of them guessed from sizes), about 3.50 CNY"


def test_without_a_price_the_cost_is_unknown() -> None:
    estimate = Estimate()
    estimate.add(MP3, "a.wav", 1, 60.0)
    assert estimate.cost is None
    assert str(estimate) == "1 conversions, 1.0 minutes of output, cost unknown: no price table"
    partly = Estimate(PriceTable("CNY", {"flac": 1.0}))
    partly.add(MP3, "a.wav", 1, 60.0)
    assert partly.cost is None
    assert str(partly).endswith("cost unknown: the price table has no price for mp3")


def test_a_table_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("currency: CNY\nper_minute: {mp3: 0.5, default: 1}\nper_request: 0.25\n")
    assert PriceTable.load(path) == TABLE
    path.write_text("currency: EUR\nper_minute: 2\n")
    assert PriceTable.load(path).price(MP3, 3.0) == 6.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "can't be read"),
        ("currency: [", "can't be read"),
        ("just words", "give a mapping"),
        ("[" * 20_000, "is nested too deeply for one"),
        ("per_minute: 1", "currency is None"),
        ("{currency: CNY, per_minute: 1, per_hour: 2}", "unknown key per_hour"),
        ("{currency: CNY}", "per_minute is None"),
        ("{currency: CNY, per_minute: {wma: 1}}", "per_minute has 'wma'; choose from mp3, "),
        ("{currency: CNY, per_minute: {mp3: free}}", "per_minute mp3 is 'free'"),
        ("{currency: CNY, per_minute: -1}", "per_minute is -1"),
        ("{currency: CNY, per_minute: 1, per_request: .inf}", "per_request is inf"),
    ],
)
def test_a_wrong_table_names_file_and_key(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "prices.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(PriceError, match=f"{path}.*{message}"):
        PriceTable.load(path)


def test_a_plan_counts_what_will_be_paid_for(plan_it: Callable[..., tuple[int, Plan]], mp3: Profile) -> None:
    sizes = {"in/a.wav": 176_400 * 60, "in/b.wav": 0}
    _, plan = plan_it({"in/a.wav": "A", "in/b.wav": "B"}, sizes=sizes, prices=TABLE)
    assert plan.decisions == {"new": 1, "empty source": 1}
    assert (plan.estimate.conversions, plan.estimate.minutes) == (1, 1.0)
    # The second batch joins what the first has planned: nothing is paid twice.
    _, joined = plan_it({"in/a.wav": "A"}, sizes=sizes, prices=TABLE)
    assert (joined.decisions, joined.estimate.conversions) == ({"joined": 1}, 0)
