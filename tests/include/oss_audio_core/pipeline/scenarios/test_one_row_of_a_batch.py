"""One odd file, key or row of a batch ends with a reason of its own; its neighbours are published."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, batches, open_catalogue
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.catalogue.database import now
from oss_audio_core.pipeline import publishing, verifying
from oss_audio_core.pipeline.batch_request import BatchRequest, RequestError
from oss_audio_core.pipeline.listing import list_sources
from oss_audio_core.pipeline.selection import Selection
from oss_audio_core.pipeline.single_conversion import plan_single
from tools.attack.awkward_audio import SHAPES

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

Wav = Callable[..., bytes]


@pytest.fixture
def catalogue(catalogue_url: sa.URL) -> Iterator[Catalogue]:
    """On each database: what they refuse differs."""
    opened = open_catalogue(catalogue_url)
    yield opened
    opened.close()


def by_name(steps: Steps) -> dict[str, Any]:
    return {one.key.removeprefix(steps.prefix): one for one in steps.rows()}


def test_files_of_every_odd_shape_are_rows_with_a_reason(
    steps: Steps, wav: Wav, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for number, content in enumerate(SHAPES.values()):
        steps.put(f"odd-{number:02}.wav", content())
    for name in ("a.wav", "n.wav", "z.wav"):
        steps.put(name, wav(0.4))
    batch = steps.plan("archive-flac", "mobile-mp3")
    steps.submit(batch)
    assert steps.wait(batch).done
    steps.verify(batch)
    steps.publish(batch)
    rows = steps.rows()
    neighbours = [one for one in rows if "odd-" not in one.key]
    assert [one.state for one in neighbours] == [State.PUBLISHED] * 6
    ended = {State.PUBLISHED, State.FAILED, State.QUARANTINED}
    assert {one.state for one in rows} <= ended
    assert all(one.code and one.message for one in rows if one.state is not State.PUBLISHED)
    assert "Traceback" not in caplog.text


def test_a_finding_that_the_database_refuses_is_quarantined_with_that_reason(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav())
    batch = steps.to_converted("archive-flac")
    measure = verifying.measure_output

    def odd(reader: Any, output: Any, source: Any) -> Any:
        measured = measure(reader, output, source)
        if output.one.key.endswith("b.wav"):
            assert measured.measures.inspection is not None
            measured.measures.inspection["peaks"] = (float("inf"),)
        return measured

    monkeypatch.setattr(verifying, "measure_output", odd)
    assert steps.verify(batch) == {"verified": 2, "quarantined": 1}
    row = by_name(steps)["b.wav"]
    assert (row.state, row.code) == (State.QUARANTINED, "NotStorable")
    assert row.message.startswith("the catalogue can't store it: ValueError: Out of range float values")
    assert steps.publish(batch) == {"published": 2}


def test_a_row_that_cannot_be_published_is_quarantined_with_that_reason(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav())
    batch = steps.to_converted("mobile-mp3")
    assert steps.verify(batch) == {"verified": 3}
    row_of = publishing._rendition_row

    def odd(one: Any, *measured: Any) -> dict[str, Any]:
        made = row_of(one, *measured)
        return {**made, "sample_rate": 1 << 70} if one.key.endswith("b.wav") else made

    monkeypatch.setattr(publishing, "_rendition_row", odd)
    assert steps.publish(batch) == {"published": 2, "quarantined": 1}
    row = by_name(steps)["b.wav"]
    assert (row.state, row.code) == (State.QUARANTINED, "Unpublishable")
    assert "the catalogue can't store it" in row.message


def test_keys_that_no_catalogue_stores_are_left_out_by_name(steps: Steps, wav: Wav) -> None:
    odd = ["n\x00l.wav", "\x00.wav", *(f"{number:02}\x00.wav" for number in range(30))]
    for name in ("a.wav", "歌 😀\u202e\x1b[31m.wav", *odd):
        steps.put(name, wav())
    with steps.catalogue.write() as connection:
        batch = batches.open_batch(connection, f"{steps.prefix}listing", {})
    selection = Selection(steps.bucket, (steps.prefix,))
    listed, passed_over = list_sources(steps.catalogue, steps.oss.bucket(steps.bucket), selection, batch.id)
    assert listed == 2
    assert passed_over.total() == len(odd)
    assert passed_over["key that the catalogue can't store: others"] == len(odd) - 20
    first = f"key that the catalogue can't store: {steps.prefix + chr(0) + '.wav'!a}"
    assert passed_over[first] == 1
    with steps.catalogue.read() as connection:
        assert batches.get_batch(connection, batch.id).passed_over == passed_over


def test_a_single_conversion_of_such_a_key_is_refused_with_its_name(steps: Steps, wav: Wav) -> None:
    request = BatchRequest(steps.bucket, ("n\x00l.wav",), profiles=("mobile-mp3",))
    source = ListedObject(steps.bucket, "n\x00l.wav", "E", 1000, now())
    with pytest.raises(RequestError, match=r"can't store the key 'n\\x00l\.wav': copy the object to another key"):
        plan_single(steps.catalogue, steps.oss, request, "dag/run/task", source)
