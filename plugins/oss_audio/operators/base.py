"""What the operators of a batch share: their connections, and the catalogue opened for one task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from airflow.sdk import BaseOperator, Context

from oss_audio.hooks.catalogue import CatalogueHook
from oss_audio.hooks.oss import OSSAudioHook
from oss_audio_core.catalogue import Catalogue, open_catalogue
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.request import RequestError

CONF_KEYS_BY_AIRFLOW = frozenset({"openlineage"})
"""What `TriggerDagRunOperator` adds to a run's conf by itself, where OpenLineage is on."""


FIRST_TASKS = frozenset({"list", "requeue"})
"""The task ids by which `batch_pipeline` begins a batch."""


class OSSAudioOperator(BaseOperator):
    """Base of the package's operators. What one isn't told of folders, queue and limits is in `oss_audio.defaults`.

    :param oss_conn_id: connection of the Alibaba provider's type `oss`.
    :param catalogue_conn_id: connection of the catalogue's database; without it a SQLite file in AIRFLOW_HOME.
    """

    ui_color = "#fff4e8"
    ui_fgcolor = "#5b3a1e"

    def __init__(
        self, *, oss_conn_id: str = "oss_default", catalogue_conn_id: str = "audio_catalogue", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.oss_conn_id = oss_conn_id
        self.catalogue_conn_id = catalogue_conn_id

    def oss(self) -> OssSettings:
        """The OSS connection's settings."""
        return OSSAudioHook(self.oss_conn_id).settings

    @contextmanager
    def catalogue(self) -> Iterator[Catalogue]:
        """The catalogue, open for the block."""
        catalogue = open_catalogue(CatalogueHook(self.catalogue_conn_id).url)
        try:
            yield catalogue
        finally:
            catalogue.close()

    def refuse_unknown_params(self, context: Context) -> None:
        """Airflow takes any name in a run's conf: a misspelt `dry_run` would start a batch that is paid for."""
        # As declared: the context's params have the conf's names among them.
        dag = self.get_dag()
        known = {*self.params, *(dag.params if dag else ())}
        unknown = sorted(set(getattr(context["dag_run"], "conf", None) or {}) - known - CONF_KEYS_BY_AIRFLOW)
        if known and unknown:
            raise RequestError(f"unknown Param {', '.join(map(repr, unknown))}: choose from {', '.join(sorted(known))}")


class OSSAudioBatchOperator(OSSAudioOperator):
    """Base of the steps that work on a batch as it stands in the catalogue.

    :param batch: what `OSSAudioListOperator` returned.
    """

    template_fields: Sequence[str] = ("batch",)

    def __init__(self, *, batch: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch = batch


def run_name(context: Context) -> str:
    """The name of the DAG run: `dag_id/run_id`."""
    run = context["dag_run"]
    return f"{run.dag_id}/{run.run_id}"


def batch_name(context: Context, task_id: str) -> str:
    """The name of the batch that a first task begins: a cleared or retried run finds its batch again by it.

    A pipeline at the top level of its DAG has one batch a run, `dag_id/run_id`. Each further pipeline is a batch
    of its own: the task group of its first task follows, or the whole task id where that is not the usual one,
    and a mapped task's index.

    Args:
        context: of the task.
        task_id: of the first task, with its task groups: `list`, `music.list`, `list_music`.

    Returns:
        `dag_id/run_id`, `dag_id/run_id/music`, `dag_id/run_id/list_music`, `dag_id/run_id/music[3]` and so on.
    """
    group, _, own = task_id.rpartition(".")
    pipeline = group if own in FIRST_TASKS else task_id
    index = context["ti"].map_index
    mapped = "" if index is None or index < 0 else f"[{index}]"
    return run_name(context) + (f"/{pipeline}{mapped}" if pipeline else mapped)


def counted(outcomes: Mapping[Any, int]) -> str:
    """Counts as a log has them: `6 verified, 2 quarantined`; empty when there are none."""
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
