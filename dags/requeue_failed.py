"""Try failed conversions again: those of a batch, of a reason, of a profile, and on request the dead ones, too.

The log of `report` in the run that failed has the batch's title and the reasons. A source that is broken stays broken;
once it is written anew, the next night takes it by itself.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from oss_audio.batch_params import FAILURES, VERDICT, requeue_params
from oss_audio.batch_pipeline import RETRY_DEFAULTS, batch_pipeline
from oss_audio.deployment import setting

with DAG(
    dag_id="requeue_failed",
    description="Failed conversions once more, by batch and reason",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz=setting("TIMEZONE", "Asia/Shanghai")),
    params=requeue_params(),
    default_args=RETRY_DEFAULTS,
    tags=["audio", "oss"],
    doc_md=__doc__,
):
    batch_pipeline(failures=FAILURES, **VERDICT)
