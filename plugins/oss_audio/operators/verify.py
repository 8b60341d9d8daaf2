"""The fifth step of a batch: every output is probed and compared with what was asked."""

from __future__ import annotations

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from oss_audio.operators.base import OSSAudioBatchOperator, counted
from oss_audio.translate_errors import translate_errors
from oss_audio.values import as_batch


class OSSAudioVerifyOperator(OSSAudioBatchOperator):
    """Verify the converted outputs of a batch; an output that is not what was asked is quarantined, with the reason.

    Args:
        batch: what `OSSAudioListOperator` returned.
    """

    def execute(self, context: Context) -> dict[str, int]:
        """Verify, and return how many conversions ended in which state."""
        # Every task of the DAG imports this file; only this one needs the audio libraries.
        from oss_audio_core.pipeline.verifying import verify_batch

        if self.batch is None:
            raise AirflowSkipException("there is no batch: the task that lists the sources failed")
        settings = self.oss()
        with translate_errors("Verifying the outputs", settings), self.catalogue() as catalogue:
            outcomes = verify_batch(catalogue, settings, *as_batch(self.batch))
        self.log.info("Outputs: %s", counted(outcomes) or "nothing to verify")
        return dict(outcomes)
