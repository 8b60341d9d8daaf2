"""Each service's operations have names that rules can use."""

from __future__ import annotations

from oss_local_cloud.fault_injection import rules
from oss_local_cloud.fault_injection.durations import Normal, Pareto
from oss_local_cloud.fault_injection.rules import AnyRule, Base64, Error, Instant, Late, Latency, Reset
from oss_local_cloud.fault_injection.service_adapters import SMQ_OPERATIONS, OssAdapter, SmqAdapter
from oss_local_cloud.smq import app as smq_app

EVERY_RULE: list[AnyRule] = [
    Latency(service="oss", seconds=Normal(mean=0.1, deviation=0.05), operations=("PutObject",)),
    Error(service="smq", status=429, code="QpsLimitExceeded", message="Too many.", rate=0.5, times=3),
    Reset(service="imm", when="after", bucket="audio", key_prefix="in/", id="my-reset"),
    rules.Silence(service="oss"),
    rules.Lost(messages="all", rate=0.3),
    Late(seconds=Pareto(least=0.1, shape=2.0, most=60.0)),
    rules.Repeated(copies=2, seconds=0.5),
    rules.Reordered(window=4),
    Base64(topic="audio-done"),
    rules.Failed(code="InternalError", message="No."),
    rules.Slow(seconds=1.0),
    Instant(key_prefix="in/"),
]


def test_every_operation_of_smq_has_a_name():
    assert set(SMQ_OPERATIONS) == set(smq_app.OPERATIONS)
    assert len(set(SmqAdapter().operations())) == len(SMQ_OPERATIONS) + 4
    assert {"AsyncProcessObject", "PutObject", "ListObjectsV2"} <= set(OssAdapter(()).operations())
