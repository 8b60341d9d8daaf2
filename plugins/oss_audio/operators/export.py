"""The seventh step of a batch: its renditions are exported as Parquet, and an asset is updated for other DAGs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Asset, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from oss_audio.assets import RENDITIONS
from oss_audio.defaults import CATALOGUE_PREFIX, DEFAULT_CATALOGUE_PREFIX, EXPORT_IS_OPTIONAL, MANIFESTS
from oss_audio.lineage import Datasets, lineage
from oss_audio.operators.base import OSSAudioBatchOperator
from oss_audio.translate_errors import translate_errors
from oss_audio.values import as_batch, as_flag, as_text
from oss_audio_core.extras import MissingExtra, require
from oss_audio_core.pipeline.batch_request import check_folder
from oss_audio_core.pipeline.reporting import build_report
from oss_audio_core.pipeline.run_export import RunExport, export_run
from oss_audio_core.text.escaping import for_log


class OSSAudioExportOperator(OSSAudioBatchOperator):
    """Export the renditions that a batch published, and update the asset `audio_renditions`.

    The asset event's extra has `batch`, `run`, the report's counts (`listed`, `wanted`, `published`, `failed`,
    `known_failures`), `export` (address of the Parquet file; null: nothing was published, or exports are off), `rows`
    and `manifests`. A dry run updates nothing.

    Args:
        batch: the value that `OSSAudioListOperator` returned.
        catalogue_prefix: folder of the exports in the renditions' bucket; empty: no export, only the asset event.
        manifests: also write a JSON manifest of every source that got a rendition, below the same folder.
        outlets: assets to update instead of `audio_renditions`.
    """

    template_fields: Sequence[str] = ("batch", "catalogue_prefix", "manifests")

    def __init__(
        self,
        *,
        catalogue_prefix: str | None = CATALOGUE_PREFIX,
        manifests: Any = MANIFESTS,
        outlets: Any = (RENDITIONS,),
        **kwargs: Any,
    ) -> None:
        super().__init__(outlets=list(outlets), **kwargs)
        self.catalogue_prefix = catalogue_prefix
        self.manifests = manifests
        self.datasets = Datasets()

    def execute(self, context: Context) -> dict[str, Any]:
        """Export. Returns the extra of the asset event."""
        if self.batch is None:
            raise AirflowSkipException("there is no batch: the task that lists the sources failed")
        batch, settings = as_batch(self.batch), self.oss()
        prefix, manifests = as_text(self.catalogue_prefix), as_flag("manifests", self.manifests)
        made = RunExport(None, 0)
        with translate_errors("Exporting the batch", settings), self.catalogue() as catalogue:
            report = build_report(catalogue, *batch)
            if report.batch.dry_run:
                raise AirflowSkipException("a dry run publishes nothing")
            if report.batch.planned_at is None:
                raise AirflowSkipException("the batch was not planned: the log of `plan` says why")
            if prefix:
                folder = check_folder("catalogue prefix", prefix)
                parquet = self._can_write_parquet(prefix)
                made = export_run(
                    catalogue, settings, batch.id, folder, uid=batch.uid, manifests=manifests, parquet=parquet
                )
        uri = made.parquet.uri if made.parquet else None
        extra: dict[str, Any] = {
            "batch": batch.id,
            "run": report.batch.name,
            **report.summary(),
            "export": uri,
            "rows": made.parquet.rows if made.parquet else 0,
            "manifests": made.manifests,
        }
        for asset in self.outlets:
            if isinstance(asset, Asset):
                context["outlet_events"][asset].extra = extra
        if uri:
            self.datasets = Datasets(outputs=[uri])
        self.log.info("Exported: %s", for_log(uri or "nothing"))
        return extra

    def _can_write_parquet(self, prefix: str) -> bool:
        """Whether pyarrow is there.

        Raises:
            AirflowFailException: it is absent, and the export was asked for.
        """
        try:
            require("parquet")
        except MissingExtra as missing:
            if EXPORT_IS_OPTIONAL and prefix == DEFAULT_CATALOGUE_PREFIX:
                self.log.info("No Parquet file is written: %s", missing)
                return False
            raise AirflowFailException(f"The export needs pyarrow: {missing}") from None
        return True

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """For OpenLineage: the file that was written."""
        return lineage(self.datasets)
