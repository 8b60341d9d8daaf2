"""What the operators of a batch share: their connections, the catalogue opened for one task, the name of a batch."""

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

CONF_KEYS_OF_AIRFLOW = frozenset({"openlineage"})
"""What `TriggerDagRunOperator` adds to a run's conf by itself, where OpenLineage is on."""

RENAMED_PARAMS = {"glob": "include"}
"""Names that Params had in earlier versions, and their names now."""

LIST, REQUEUE = "list", "requeue"
"""Task ids of the first step of a batch, as `batch_pipeline` gives them."""


class OSSAudioOperator(BaseOperator):
    """Base of the package's operators. The deployment's folders, queue and limits are in `oss_audio.defaults`.

    Args:
        oss_conn_id: connection of the Alibaba provider's type `oss`.
        catalogue_conn_id: connection of the catalogue's database; without it a SQLite file in AIRFLOW_HOME.
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


class OSSAudioOpenBatchOperator(OSSAudioOperator):
    """Base of the first steps of a batch, which open it."""

    def batch_name(self, context: Context) -> str:
        """The name of the task's batch, see `batch_name`.

        Raises:
            RequestError: another first task of the DAG would open the same batch.
        """
        dag = self.get_dag()
        mine = _pipeline_of(self.task_id)
        for task in dag.tasks if dag else ():
            opens = issubclass(getattr(task, "operator_class", type(task)), OSSAudioOpenBatchOperator)
            if opens and task.task_id != self.task_id and _pipeline_of(task.task_id) == mine:
                raise RequestError(
                    f"tasks {self.task_id!r} and {task.task_id!r} would share a batch: put each into a task group, "
                    "or give one of them another task_id"
                )
        return batch_name(context, self.task_id)

    def refuse_unknown_params(self, context: Context) -> None:
        """Refuse names in a run's conf that are no Params. Airflow takes any, also a misspelt `dry_run`.

        Raises:
            RequestError: naming them, and the Params there are.
        """
        # As declared: the context's params have the conf's names among them.
        dag = self.get_dag()
        known = {*self.params, *(dag.params if dag else ())}
        unknown = sorted(set(getattr(context["dag_run"], "conf", None) or {}) - known - CONF_KEYS_OF_AIRFLOW)
        if known and unknown:
            names = ", ".join(
                f"{name!r} (it is {RENAMED_PARAMS[name]!r} now)" if RENAMED_PARAMS.get(name) in known else repr(name)
                for name in unknown
            )
            raise RequestError(f"unknown Param {names}: choose from {', '.join(sorted(known))}")


class OSSAudioBatchOperator(OSSAudioOperator):
    """Base of the steps that work on a batch as it stands in the catalogue.

    Args:
        batch: what `OSSAudioListOperator` or `OSSAudioRequeueOperator` returned.
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
    pipeline = _pipeline_of(task_id)
    index = context["ti"].map_index
    mapped = "" if index is None or index < 0 else f"[{index}]"
    return run_name(context) + (f"/{pipeline}{mapped}" if pipeline else mapped)


def _pipeline_of(task_id: str) -> str:
    """The pipeline within its DAG, by the id of its first task; empty: the one at the top level."""
    group, _, own = task_id.rpartition(".")
    return group if own in {LIST, REQUEUE} else task_id


def counted(outcomes: Mapping[Any, int]) -> str:
    """Counts as a log has them: `6 verified, 2 quarantined`; empty when there are none."""
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
