"""Operator and sensor in a DAG without batches, as the README shows it."""

from __future__ import annotations

from airflow.sdk import DAG, Param

from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.sensors.convert import OSSAudioConvertSensor

PARAMS = {"key": Param("incoming/voice/mono-16000.wav"), "target": Param("own/dest.aac")}

with DAG(dag_id="custom_dag", schedule=None, params=PARAMS):
    convert = OSSAudioConvertOperator(
        task_id="convert",
        bucket="media",
        key="{{ params.key }}",
        convert={"f": "aac", "ab": 96000, "ss": 1000, "t": 2000},
        target_key="{{ params.target }}",
    )
    OSSAudioConvertSensor(task_id="wait", shard=convert.output)
