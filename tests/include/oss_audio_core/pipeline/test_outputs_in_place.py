"""What the service wrote to a final key at once is recorded when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.schema import own_object
from oss_audio_core.pipeline import outputs_in_place

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Proxy, Steps

Wav = Callable[..., bytes]


def recorded(steps: Steps) -> list[tuple[str, str, str]]:
    with steps.catalogue.read() as connection:
        columns = own_object.c.key, own_object.c.etag, own_object.c.reason
        return [tuple(row) for row in connection.execute(sa.select(*columns))]


@pytest.mark.parametrize("how", ["wait", "poke"])
def test_an_output_is_recorded_when_its_shard_is_done(steps: Steps, wav: Wav, how: str) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan(profiles=[replace(steps.profile, publish="direct")])
    steps.submit(batch)
    if how == "wait":
        assert steps.wait(batch).converted == 1
    else:
        while not steps.poke(batch).done:
            pass
    one = steps.row()
    etag = steps.oss.bucket(one.target_bucket).head_object(one.target_key).etag
    assert recorded(steps) == [(one.target_key, etag, "written in place")]


def test_a_staged_output_is_not(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.to_converted()
    assert recorded(steps) == []
    assert outputs_in_place.converted_in_place(steps.catalogue, (batch, 0)) == []


def test_a_wait_succeeds_where_oss_can_not_be_asked(
    steps: Steps, wav: Wav, oss_proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan(profiles=[replace(steps.profile, publish="direct")])
    steps.submit(batch)
    oss_proxy.refuse(b"list-type=2", "403 Forbidden", "AccessDenied")
    through = replace(steps.oss, endpoint=oss_proxy.address)
    assert steps.wait(batch, oss=through).converted == 1
    assert "Looking at what was written to final keys" in caplog.text
    # The verification looks once more, whatever becomes of the output.
    steps.put("a.wav", wav(0.7))
    assert steps.verify(batch) == {"superseded": 1}
    assert steps.row().state is State.SUPERSEDED
    assert [key for key, _, _ in recorded(steps)] == [steps.row().target_key]
