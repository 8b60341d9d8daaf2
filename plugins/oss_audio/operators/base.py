"""What the operators of a batch share: their connections, and the catalogue opened for one task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from oss_audio.batch_name import batch_name, pipeline_of
from oss_audio.hooks.catalogue import CatalogueHook
from oss_audio.hooks.oss import OSSAudioHook
from oss_audio.values import BatchHandle, as_batch, as_shard
from oss_audio_core.catalogue import Catalogue, open_catalogue
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.batch_request import RequestError

CONF_KEYS_OF_AIRFLOW = frozenset({"openlineage"})
"""What `TriggerDagRunOperator` adds to a run's conf by itself, where OpenLineage is on."""

RENAMED_PARAMS = {"glob": "include"}
"""Names that Params had in earlier versions, and their names now."""


_NOT_GIVEN = object()
"""Tells an argument that is left out from one that is None, as a value of a failed task is."""


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
        mine = pipeline_of(self.task_id)
        for task in dag.tasks if dag else ():
            opens = issubclass(getattr(task, "operator_class", type(task)), OSSAudioOpenBatchOperator)
            if opens and task.task_id != self.task_id and pipeline_of(task.task_id) == mine:
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


class OSSAudioOutputsOperator(OSSAudioOperator):
    """Base of the steps that work on outputs: of one shard of a batch, or of the whole batch.

    Args:
        shard: one of the shards that `OSSAudioPlanOperator` returned, or what `OSSAudioConvertOperator` returned.
        batch: instead of a shard, what `OSSAudioListOperator` or `OSSAudioRequeueOperator` returned.

    Raises:
        ValueError: neither or both of them are given.
    """

    template_fields: Sequence[str] = ("shard", "batch")

    def __init__(self, *, shard: Any = _NOT_GIVEN, batch: Any = _NOT_GIVEN, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if (shard is _NOT_GIVEN) is (batch is _NOT_GIVEN):
            raise ValueError("give either shard or batch: whose outputs are worked on")
        self.shard = None if shard is _NOT_GIVEN else shard
        self.batch = None if batch is _NOT_GIVEN else batch

    def outputs_of(self) -> tuple[BatchHandle, int | None]:
        """The batch, and the number of its shard; None: all of them.

        Raises:
            AirflowSkipException: there is no batch, because its first task failed.
        """
        if self.shard is not None:
            shard = as_shard(self.shard)
            return BatchHandle(shard["batch"], shard["uid"]), shard["shard"]
        if self.batch is None:
            raise AirflowSkipException("there is no batch: the task that lists the sources failed")
        return as_batch(self.batch), None


def counted(outcomes: Mapping[Any, int]) -> str:
    """Counts as a log has them: `6 verified, 2 quarantined`; empty when there are none."""
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
