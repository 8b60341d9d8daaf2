"""What DAG authors see of the operators: template fields, mapping, links, names."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pendulum
import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from oss_audio.operators.base import (
    OSSAudioBatchOperator,
    OSSAudioOpenBatchOperator,
    OSSAudioOperator,
    OSSAudioOutputsOperator,
)
from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.operators.export import OSSAudioExportOperator
from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio.operators.plan import OSSAudioPlanOperator
from oss_audio.operators.publish import OSSAudioPublishOperator
from oss_audio.operators.report import OSSAudioReportOperator
from oss_audio.operators.requeue import OSSAudioRequeueOperator
from oss_audio.operators.verify import OSSAudioVerifyOperator
from oss_audio.sensors.convert import OSSAudioConvertSensor
from tests.plugins.oss_audio.operator_classes import operator_classes

if TYPE_CHECKING:
    pass

REQUIRED: dict[Any, dict[str, Any]] = {
    OSSAudioListOperator: {"bucket": "audio", "profiles": "mobile-mp3"},
    OSSAudioPlanOperator: {"batch": 1},
    OSSAudioConvertOperator: {},
    OSSAudioConvertSensor: {"shard": {"batch": 1, "uid": "u", "shard": 0}},
    OSSAudioVerifyOperator: {"batch": 1},
    OSSAudioPublishOperator: {"shard": {"batch": 1, "uid": "u", "shard": 0}},
    OSSAudioExportOperator: {"batch": 1},
    OSSAudioReportOperator: {"batch": 1},
    OSSAudioRequeueOperator: {},
}
BASES = {OSSAudioOperator, OSSAudioBatchOperator, OSSAudioOpenBatchOperator, OSSAudioOutputsOperator}
"""No DAG has tasks of these."""


def test_every_operator_is_held_to_the_same() -> None:
    assert set(operator_classes()) == REQUIRED.keys() | BASES


@pytest.mark.parametrize("operator", REQUIRED)
def test_every_template_field_is_an_argument_and_an_attribute(operator: Any) -> None:
    task = operator(task_id="t", **REQUIRED[operator])
    arguments = {name for cls in operator.__mro__ for name in inspect.signature(cls.__init__).parameters}
    assert operator.template_fields
    for name in operator.template_fields:
        assert name in arguments
        assert hasattr(task, name)


@pytest.mark.parametrize("operator", REQUIRED)
def test_every_argument_is_documented_and_kept(operator: Any) -> None:
    task = operator(task_id="t", **REQUIRED[operator])
    documented = " ".join(cls.__doc__ or "" for cls in operator.__mro__ if cls.__module__.startswith("oss_audio"))
    for cls in operator.__mro__:
        if not cls.__module__.startswith("oss_audio"):
            continue
        for name, argument in inspect.signature(cls.__init__).parameters.items():
            if argument.kind is inspect.Parameter.KEYWORD_ONLY and name not in {"deferrable", "timeout"}:
                assert hasattr(task, name)
                if name not in {"oss_conn_id", "catalogue_conn_id"}:
                    assert re.search(rf"^ +{name}: |:param {name}:", documented, re.MULTILINE)


# Airflow's own: it reads .airflowignore with a class that pathspec is giving up.
@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")
def test_a_dag_of_a_few_lines_with_one_conversion_and_a_mapped_one_serializes() -> None:
    with DAG("theirs", start_date=pendulum.datetime(2026, 1, 1), schedule=None) as dag:
        one = OSSAudioConvertOperator(task_id="one", bucket="audio", key="{{ ds }}.wav", profile="mobile-mp3")
        OSSAudioConvertSensor(task_id="wait", shard=one.output)
        many = OSSAudioConvertOperator.partial(
            task_id="many", bucket="audio", convert={"f": "mp3"}, deadline=timedelta(hours=1)
        ).expand_kwargs([{"key": "a.wav", "target_key": "a.mp3"}, {"key": "b.wav", "target_key": "b.mp3"}])
        OSSAudioConvertSensor.partial(task_id="wait_for_many", smq_queue="q", deferrable=True).expand(shard=many.output)
    restored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert restored.task_dict.keys() == {"one", "wait", "many", "wait_for_many"}
    assert restored.get_task("wait").upstream_task_ids == {"one"}
    assert restored.get_task("wait_for_many").upstream_task_ids == {"many"}
    assert restored.get_task("wait_for_many").is_mapped


def test_templates_are_rendered_in_every_field() -> None:
    task = OSSAudioConvertOperator(
        task_id="t",
        bucket="{{ it }}",
        key="{{ it }}.wav",
        convert={"f": "{{ it }}"},
        target_key="{{ it }}.mp3",
        target_bucket="{{ it }}",
        force="{{ it }}",
        smq_topic="{{ it }}",
        smq_queue="{{ it }}",
        staging_prefix="{{ it }}/",
    )
    task.render_template_fields({"it": "x"})
    assert [getattr(task, name) for name in task.template_fields] == [
        None,
        "x",
        "x.wav",
        None,
        {"f": "x"},
        "x.mp3",
        "x",
        "x",
        "x",
        "x",
        "x/",
    ]
