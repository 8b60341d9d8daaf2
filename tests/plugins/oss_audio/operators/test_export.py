"""The export of a batch: its Parquet file, and a night without pyarrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.operators import export
from oss_audio.operators.export import OSSAudioExportOperator
from oss_audio_core import extras

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Run


@pytest.fixture
def without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `parquet` is not installed."""
    monkeypatch.setattr(extras, "find_spec", lambda _name: None)


def export_to(run: Run, prefix: str) -> dict[str, object]:
    operator = OSSAudioExportOperator(task_id="export", batch=run.listed, catalogue_prefix=prefix)
    return operator.execute(run.context)


def test_a_batch_is_exported_below_its_prefix(begin: Callable[[str], Run]) -> None:
    run = begin("exported").through("publish")
    extra = export_to(run, "tables/")
    assert (extra["published"], extra["rows"]) == (2, 2)
    assert str(extra["export"]).startswith(f"oss://{run.deployment.cloud.bucket}/tables/dt=")


@pytest.mark.usefixtures("without_pyarrow")
def test_the_default_export_without_pyarrow_writes_no_file_and_fails_nothing(
    begin: Callable[[str], Run],
) -> None:
    run = begin("default").through("publish")
    extra = export_to(run, export.DEFAULT_CATALOGUE_PREFIX)
    assert (extra["published"], extra["export"], extra["rows"]) == (2, None, 0)


@pytest.mark.usefixtures("without_pyarrow")
@pytest.mark.parametrize("is_set", [True, False])
def test_an_export_that_was_asked_for_names_the_extra(
    begin: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch, is_set: bool
) -> None:
    run = begin("asked-for").through("publish")
    monkeypatch.setattr(export, "EXPORT_IS_OPTIONAL", not is_set)
    prefix = export.DEFAULT_CATALOGUE_PREFIX if is_set else "tables/"
    with pytest.raises(AirflowFailException) as refused:
        export_to(run, prefix)
    assert "pip install 'airflow-provider-oss-audio[parquet]'" in str(refused.value)
