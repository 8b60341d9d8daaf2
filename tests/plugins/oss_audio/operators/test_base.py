"""What the operators share: outputs of a shard or of a batch, one of the two."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from oss_audio.operators.base import OSSAudioOutputsOperator, counted

SHARD = {"batch": 7, "uid": "u", "shard": 3}


@pytest.mark.parametrize("given", [{}, {"shard": SHARD, "batch": 7}])
def test_outputs_are_those_of_a_shard_or_of_a_batch(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give either shard or batch"):
        OSSAudioOutputsOperator(task_id="t", **given)


def test_a_shard_a_batch_and_none_of_either() -> None:
    assert OSSAudioOutputsOperator(task_id="t", shard=SHARD).outputs_of() == ((7, "u"), 3)
    # A single conversion hands on its shard; as a batch it is that batch.
    assert OSSAudioOutputsOperator(task_id="t", batch=SHARD).outputs_of() == ((7, "u"), None)
    with pytest.raises(AirflowSkipException, match="the task that lists the sources failed"):
        OSSAudioOutputsOperator(task_id="t", batch=None).outputs_of()
    with pytest.raises(AirflowFailException, match="shard is 'x': give what OSSAudioConvertOperator returned"):
        OSSAudioOutputsOperator(task_id="t", shard="x").outputs_of()


def test_counts_read_as_a_sentence() -> None:
    assert counted({"verified": 6, "quarantined": 2}) == "6 verified, 2 quarantined"
    assert counted({}) == ""
