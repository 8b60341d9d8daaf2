"""Verifying: every output is probed or decoded, and compared with what was asked."""

from __future__ import annotations

from airflow.sdk import Context

from oss_audio.operators.base import OSSAudioOutputsOperator, counted
from oss_audio.translate_errors import translate_errors


class OSSAudioVerifyOperator(OSSAudioOutputsOperator):
    """Verify the converted outputs of a shard or a batch. An output that is not what was asked is quarantined.

    Args:
        shard: one of the shards that `OSSAudioPlanOperator` returned, or what `OSSAudioConvertOperator` returned.
        batch: instead of a shard, what `OSSAudioListOperator` or `OSSAudioRequeueOperator` returned.
    """

    def execute(self, context: Context) -> dict[str, int]:
        """Verify. Returns the number of conversions by the state they ended in."""
        # Every task of the DAG imports this file; only this one needs the audio libraries.
        from oss_audio_core.pipeline.verifying import verify_batch

        batch, shard = self.outputs_of()
        settings = self.oss()
        with translate_errors("Verifying the outputs", settings), self.catalogue() as catalogue:
            outcomes = verify_batch(catalogue, settings, *batch, shard=shard)
        self.log.info("Outputs: %s", counted(outcomes) or "nothing to verify")
        return dict(outcomes)
