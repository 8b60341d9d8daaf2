"""On demand: make the renditions you choose of the sources you choose. Press *Trigger* and fill in the form.

*Dry run* shows the plan and an estimate in the log of task `plan` and submits nothing. Afterwards the log of `report`
says what was published, and what failed and why.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from oss_audio.batch_params import SELECTION, VERDICT, batch_params
from oss_audio.batch_pipeline import RETRY_DEFAULTS, batch_pipeline
from oss_audio.deployment import setting

with DAG(
    dag_id="convert_audio",
    description="The sources and profiles of your choice, now",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz=setting("TIMEZONE", "Asia/Shanghai")),
    params=batch_params(),
    default_args=RETRY_DEFAULTS,
    tags=["audio", "oss"],
    doc_md=__doc__,
):
    batch_pipeline(selection=SELECTION, **VERDICT)
