"""The DAG that `nightly_audio_batch` is compared with: one mapped task per file, by oss2 and the provider's sensor.

It follows the documentation of Airflow and of the Alibaba provider: the heavy import is inside the tasks, the sensor
frees its slot between two pokes, a minute apart, and times out after hours.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from datetime import timedelta
from itertools import islice
from typing import Any

from airflow.providers.alibaba.cloud.sensors.oss_key import OSSKeySensor
from airflow.sdk import DAG, BaseHook, Param, task

CONNECTION = "oss_default"
REGION = os.environ["PLAIN_REGION"]
BUCKET = os.environ["PLAIN_BUCKET"]
SOURCES = os.environ["PLAIN_SOURCES"]
RENDITIONS = os.environ["PLAIN_RENDITIONS"]
CONVERT = os.environ["PLAIN_CONVERT"]


def open_bucket() -> Any:
    """Open the bucket with the account of the provider's connection."""
    import oss2

    extra = BaseHook.get_connection(CONNECTION).extra_dejson
    auth = oss2.AuthV4(extra["access_key_id"], extra["access_key_secret"])  # type: ignore[attr-defined,no-untyped-call]
    return oss2.Bucket(auth, extra["endpoint"], BUCKET, region=REGION)  # type: ignore[attr-defined,no-untyped-call]


def encoded(text: str) -> str:
    """Encode a name as `sys/saveas` takes it."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


with DAG(
    dag_id="plain_conversions",
    schedule=None,
    params={"limit": Param(1000, type="integer", minimum=1)},
    default_args={"retries": 2, "retry_delay": timedelta(minutes=2)},
):

    @task
    def list_sources(params: dict[str, Any] | None = None) -> list[str]:
        """List the first keys below the prefix."""
        from oss2.iterators import ObjectIteratorV2

        found = ObjectIteratorV2(open_bucket(), prefix=SOURCES, max_keys=1000)  # type: ignore[no-untyped-call]
        return [one.key for one in islice(found, (params or {})["limit"])]

    @task
    def submit(key: str) -> str:
        """Submit one conversion; return the key of its output."""
        target = RENDITIONS + key.removeprefix(SOURCES).rpartition(".")[0] + ".mp3"
        open_bucket().async_process_object(key, f"{CONVERT}|sys/saveas,b_{encoded(BUCKET)},o_{encoded(target)}")
        return target

    OSSKeySensor.partial(
        task_id="wait",
        bucket_name=BUCKET,
        region=REGION,
        oss_conn_id=CONNECTION,
        mode="reschedule",
        poke_interval=60,
        timeout=6 * 3600,
    ).expand(bucket_key=submit.expand(key=list_sources()))
