"""Every cell of the tables in docs/verification.md: what finds which damage, and what slips through.

DAMAGE_FLIPS=100 flips a bit in a hundred places of each format instead of ten.
"""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import pytest

from oss_audio_core.audio_convert import FORMATS as FORMAT_TABLE
from oss_audio_core.oss.sdk import load_oss2
from oss_audio_core.verification import (
    Inspection,
    StoredBytes,
    UnreadableAudio,
    Verdict,
    decode_limits,
    inspect,
    probe_remote,
    verify,
)
from tests.include.oss_audio_core.verification.damage_table import (
    FLIP,
    FLIP_BEFORE,
    FLIP_STORED,
    NO_SUCH_FILE,
    SLIPS,
    TABLE,
    UNDECIDED,
    UNREADABLE,
    markdown,
)
from tests.include.oss_audio_core.verification.damages import (
    ASKED,
    DAMAGES,
    FORMATS,
    LONG,
    SECONDS,
    Studio,
    flips,
    long_header,
)

FLIPS = int(os.environ.get("DAMAGE_FLIPS", "10"))
PAGE = Path(__file__).parents[5] / "docs" / "verification.md"

CELLS = [
    (policy, damage, f)
    for policy, rows in TABLE.items()
    for damage, row in rows.items()
    if damage in DAMAGES
    for f in row
]


@pytest.fixture(scope="module")
def studio(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(ffmpeg, tmp_path_factory.mktemp("studio"))


@pytest.fixture(scope="module")
def sources(studio: Studio) -> dict[int, Inspection]:
    """The sources as they were inspected, by their seconds."""
    return {seconds: inspect(studio.source(seconds), loudness=False) for seconds in (SECONDS, LONG)}


def crc64(data: bytes) -> int:
    """As OSS computes it for a stored object."""
    made = load_oss2().utils.Crc64()
    made.update(data)
    return int(made.crc)


def judge(policy: str, f: str, data: bytes, source: Inspection, stored: bytes | None = None) -> Verdict | None:
    """The verdict of one policy on `data`, whose object was written as `stored`; None when it can't be read."""
    convert = ASKED[f]
    try:
        if policy == "probe":
            return verify(convert, source, probe_remote(lambda at, size: (data[at : at + size], len(data)), "it"))
        found = inspect(BytesIO(data), "it", loudness=False, true_peak=False, limits=decode_limits(convert, source))
    except UnreadableAudio:
        return None
    written = data if stored is None else stored
    header = StoredBytes(size=len(data), crc64=crc64(data), header_size=len(written), header_crc64=crc64(written))
    return verify(convert, source, found, stored=header)


def names(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.failures]


@pytest.mark.parametrize("policy", TABLE)
@pytest.mark.parametrize("f", FORMATS)
def test_a_right_rendition_is_not_refused(policy: str, f: str, studio: Studio, sources: dict[int, Inspection]) -> None:
    verdict = judge(policy, f, studio.rendition(f), sources[SECONDS])
    assert verdict is not None
    by_itself = policy == "decode" or f not in {"aac", "amr"}
    assert verdict.decision == ("passed" if by_itself else "undecided"), verdict.reason


@pytest.mark.parametrize(("policy", "damage", "f"), CELLS)
def test_damage(policy: str, damage: str, f: str, studio: Studio, sources: dict[int, Inspection]) -> None:
    cell = TABLE[policy][damage][f]
    if cell == NO_SUCH_FILE:
        assert FORMAT_TABLE[f].max_channels == 1
        return
    harm = DAMAGES[damage]
    verdict = judge(policy, f, harm(studio, f), sources[LONG if harm is long_header else SECONDS])
    if cell == UNREADABLE:
        assert verdict is None
        return
    assert verdict is not None
    if cell in {SLIPS, UNDECIDED}:
        assert verdict.decision == {SLIPS: "passed", UNDECIDED: "undecided"}[cell], verdict.reason
    else:
        assert cell in names(verdict)


@pytest.mark.parametrize("f", ["aac", "ac3", "flac"])
def test_a_rendition_of_which_no_frame_decodes_fails(f: str, studio: Studio, sources: dict[int, Inspection]) -> None:
    data = bytearray(studio.rendition(f))
    # Behind the first frame's header: the frame stands as a packet, but gives no sample.
    begin = data.find(b"\xff\xf8") if f == "flac" else 0
    data[begin + 10 : begin + 60] = b"\xff" * 50
    verdict = judge("decode", f, bytes(data), sources[SECONDS])
    assert verdict is not None
    assert (verdict["head"].measured, verdict["head"].verdict) == ("no sample decoded", "failed")
    assert verdict["channels_alive"].verdict == "not_checked"
    assert verdict.decision == "failed"


@pytest.mark.parametrize("f", FORMATS)
def test_a_bit_that_flips_in_the_stored_object_never_passes_a_decode(
    f: str, studio: Studio, sources: dict[int, Inspection]
) -> None:
    whole = studio.rendition(f)
    for damaged in flips(studio, f, FLIPS):
        verdict = judge("decode", f, damaged, sources[SECONDS], stored=whole)
        assert verdict is None or TABLE["decode"][FLIP_STORED][f] in names(verdict)


@pytest.mark.parametrize("f", FORMATS)
def test_a_bit_that_flipped_before_it_was_stored_is_found_where_the_format_has_checksums(
    f: str, studio: Studio, sources: dict[int, Inspection]
) -> None:
    verdicts = [judge("decode", f, damaged, sources[SECONDS]) for damaged in flips(studio, f, FLIPS)]
    cell = TABLE["decode"][FLIP_BEFORE][f]
    if cell == SLIPS:
        assert any(verdict is not None and verdict.passed for verdict in verdicts)
    else:
        assert all(verdict is None or cell in names(verdict) for verdict in verdicts)


@pytest.mark.parametrize("f", FORMATS)
def test_a_flipped_bit_under_a_probe(f: str, studio: Studio, sources: dict[int, Inspection]) -> None:
    verdicts = [judge("probe", f, damaged, sources[SECONDS]) for damaged in flips(studio, f, FLIPS)]
    decisions = {verdict.decision for verdict in verdicts if verdict is not None}
    cell = TABLE["probe"][FLIP][f]
    assert ("passed" in decisions) == (cell == SLIPS)
    assert ("undecided" in decisions) == (cell == UNDECIDED)


@pytest.mark.parametrize("policy", TABLE)
def test_the_page_has_the_table_that_was_tested(policy: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert "\n".join(markdown(policy)) in page


def test_every_damage_is_in_every_table() -> None:
    for rows in TABLE.values():
        assert set(DAMAGES) == {damage for damage in rows if damage not in {FLIP, FLIP_BEFORE, FLIP_STORED}}
