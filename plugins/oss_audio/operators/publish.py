"""Publishing: verified outputs are copied to their final keys and entered into the catalogue."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context

from oss_audio.lineage import Datasets, lineage
from oss_audio.operators.base import OSSAudioOutputsOperator, counted
from oss_audio.translate_errors import translate_errors
from oss_audio_core.pipeline.lineage_datasets import datasets_of_batch


class OSSAudioPublishOperator(OSSAudioOutputsOperator):
    """Publish the verified outputs of a shard or a batch: a guarded copy on the server, then a row of the catalogue.

    Args:
        shard: one of the shards that `OSSAudioPlanOperator` returned, or what `OSSAudioConvertOperator` returned.
        batch: instead of a shard, what `OSSAudioListOperator` or `OSSAudioRequeueOperator` returned.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.datasets = Datasets()

    def execute(self, context: Context) -> dict[str, int]:
        """Publish. Returns the number of conversions by the state they ended in."""
        # Every task of the DAG imports this module; only this task needs the audio libraries.
        from oss_audio_core.pipeline.publishing import publish_batch

        batch, shard = self.outputs_of()
        settings = self.oss()
        with translate_errors("Publishing the renditions", settings), self.catalogue() as catalogue:
            outcomes = publish_batch(catalogue, settings, *batch, shard=shard)
            self.datasets = Datasets(*datasets_of_batch(catalogue, *batch, shard=shard))
        self.log.info("Outputs: %s", counted(outcomes) or "nothing to publish")
        return dict(outcomes)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """For OpenLineage: the sources and the published renditions; many of them as their shared folder."""
        return lineage(self.datasets)
