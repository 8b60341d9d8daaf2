"""The admin API: strict about what it is told, and what it was told survives a kill."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from typing import Any

import oss2
import pytest

from oss_local_cloud.fault_injection import rules
from oss_local_cloud.fault_injection.admin_client import AdminClient, AdminError
from oss_local_cloud.fault_injection.durations import Normal, Pareto
from oss_local_cloud.fault_injection.rules import AnyRule, Base64, Error, Instant, InvalidRule, Late, Latency, Reset

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


def ask(cloud: Any, method: str, path: str, body: str | None = None, content_type: str = "application/json") -> Any:
    """Status and document of a raw request."""
    host, _, port = cloud.admin.removeprefix("http://").rpartition(":")
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=30)) as connection:
        connection.request(method, path, body, {"Content-Type": content_type})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or "null")


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ('{"fault": "reset", "service": "oss", "rat": 0.5}', "rat: unknown field"),
        (
            '{"fault": "latency", "service": "oss", "seconds": {"distribution": "uniform", "high": 1, "mean": 1}}',
            "mean",
        ),
        ('{"fault": "latency", "service": "oss", "seconds": {"distribution": "zipf"}}', "seconds"),
        ('{"fault": "latency", "service": "oss", "seconds": -1}', "seconds"),
        ('{"fault": "latency", "service": "oss", "seconds": NaN}', "seconds"),
        ('{"fault": "latency", "service": "oss"}', "seconds"),
        ('{"fault": "latency", "service": "s3", "seconds": 1}', "service"),
        ('{"fault": "reset", "service": "oss", "rate": 1.01}', "rate"),
        ('{"fault": "reset", "service": "oss", "rate": "1"}', "rate"),
        ('{"fault": "reset", "service": "oss", "times": 0}', "times"),
        ('{"fault": "reset", "service": "oss", "times": 1.5}', "times"),
        ('{"fault": "reset", "service": "oss", "when": "during"}', "when"),
        ('{"fault": "reset", "service": "oss", "operations": "PutObject"}', "operations"),
        ('{"fault": "reset", "service": "oss", "operations": ["ReceiveMessage"]}', "ReceiveMessage"),
        ('{"fault": "reset", "service": "smq", "operations": ["PutObject"]}', "known are .*ReceiveMessage"),
        ('{"fault": "error", "service": "oss", "status": 404}', "code"),
        ('{"fault": "error", "service": "oss", "status": 200, "code": "OK"}', "status"),
        ('{"fault": "error", "service": "oss", "status": 500, "message": "a\\u0000b"}', "message"),
        ('{"fault": "lost", "service": "oss"}', "service: unknown field"),
        ('{"fault": "reordered", "window": 1}', "window"),
        ('{"fault": "broken"}', "fault: one of latency, error"),
        ('{"service": "oss"}', "fault: one of"),
        ('{"fault": "reset", "service": "oss", "id": "a b"}', "id"),
        ("[]", "object"),
        ("{", "JSON"),
        ("", "JSON"),
    ],
)
def test_a_rule_that_is_wrong_is_refused_naming_the_field(clients: Any, document: str, names: str):
    status, answer = ask(clients.cloud, "POST", "/rules", document)
    assert status == 400
    with pytest.raises(AssertionError, match=names):
        raise AssertionError(answer["error"])
    assert clients.admin.rules() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "names"),
    [
        ("PUT", "/seed", '{"seed": -1}', 400, "seed"),
        ("PUT", "/seed", '{"seed": 1, "sed": 2}', 400, "sed: unknown field"),
        ("PUT", "/clock", '{"offset": 1}', 400, "offset"),
        ("PUT", "/clock", '{"offset_seconds": 1e99}', 400, "offset_seconds"),
        ("PUT", "/rules", '[{"fault": "lost"}, {"fault": "lost", "x": 1}]', 400, "1.x: unknown field"),
        ("PUT", "/rules", '[{"fault": "lost", "id": "a"}, {"fault": "late", "seconds": 1, "id": "a"}]', 400, "id"),
        ("GET", "/faults?aftr=1", None, 400, "aftr"),
        ("GET", "/faults?after=x", None, 400, "after"),
        ("GET", "/faults?fault=nothing", None, 400, "fault"),
        ("GET", "/tasks?format=xml", None, 400, "format"),
        ("GET", "/tasks?limit=-1", None, 400, "limit"),
        ("GET", "/conversions?at_least=many", None, 400, "at_least"),
        ("GET", "/rules/none", None, 404, "none"),
        ("DELETE", "/rules/none", None, 404, "none"),
        ("GET", "/nowhere", None, 404, ""),
        ("POST", "/faults", None, 405, ""),
    ],
)
def test_other_invalid_requests_are_refused(
    clients: Any, method: str, path: str, body: str | None, status: int, names: str
):
    found, answer = ask(clients.cloud, method, path, body)
    assert found == status
    assert names in answer["error"]


def test_only_json_is_read(clients: Any):
    status, answer = ask(clients.cloud, "POST", "/rules", '{"fault": "lost"}', "text/plain")
    assert (status, "application/json" in answer["error"]) == (415, True)


def test_rules_come_back_as_they_were_given(clients: Any):
    clients.admin.replace(EVERY_RULE)
    told = clients.admin.rules()
    assert [one.rule.model_copy(update={"id": None}) for one in told] == [
        rule.model_copy(update={"id": None}) for rule in EVERY_RULE
    ]
    assert [one.id for one in told] == ["r1", "r2", "my-reset", *(f"r{n}" for n in range(3, 12))]
    assert told[1].left == 3
    assert set(rules.FAULTS) == {one.rule.fault for one in told}
    clients.admin.remove("my-reset")
    assert "my-reset" not in [one.id for one in clients.admin.rules()]
    assert clients.admin.add(Base64()) == "r12"
    with pytest.raises(AdminError, match="r12") as refused:
        clients.admin.add(Base64(id="r12"))
    assert refused.value.status == 400
    clients.admin.clear()
    assert clients.admin.rules() == []


def test_the_python_client_refuses_invalid_values():
    with pytest.raises(InvalidRule, match="rate"):
        rules.parse('{"fault": "lost", "rate": -0.1}')
    with pytest.raises(ValueError, match="admin address"):
        AdminClient("127.0.0.1:9003")


def test_rules_log_seed_and_clock_survive_a_kill(start_local_cloud: Any, clients_of: Any):
    cloud = start_local_cloud(admin=True, flags=("--seed", "5"))
    clients = clients_of(cloud)
    clients.admin.replace([*EVERY_RULE[3:], Error(service="oss", operations=("PutObject",), status=503, times=3)])
    clients.admin.remove("r1")
    clients.admin.set_clock_offset(60.0)
    for _ in range(2):
        with pytest.raises(oss2.exceptions.ServerError):
            clients.put("object")
    before = clients.admin.rules()
    assert before[-1].left == 1
    address = cloud.admin
    cloud.kill()
    cloud.start()
    assert cloud.admin == address
    clients = clients_of(cloud)
    after = clients.admin.rules()
    assert [(one.id, one.rule, one.left) for one in after] == [(one.id, one.rule, one.left) for one in before]
    state = clients.admin.state()
    assert (state.seed, state.starts, state.clock_offset_seconds, state.faults) == (5, 2, 60.0, 2)
    with pytest.raises(oss2.exceptions.ServerError):
        clients.put("object")
    clients.put("object")
    assert [fault.number for fault in clients.admin.faults(after=1)] == [2, 3]
    assert [fault.number for fault in clients.admin.faults(after=1, limit=1)] == [2]
    clients.admin.reset()
    state = clients.admin.state()
    assert (state.rules, state.faults, state.clock_offset_seconds, state.seed) == (0, 0, 0.0, 5)


def test_without_the_admin_port_no_rule_is_applied_and_no_port_is_open(start_local_cloud: Any, clients_of: Any):
    cloud = start_local_cloud(admin=True)
    clients_of(cloud).admin.add(Error(service="oss", status=503))
    cloud._with_admin, address = False, cloud.admin
    cloud.restart()
    assert cloud.admin == ""
    host, _, port = address.removeprefix("http://").rpartition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=30)
    auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    bucket = oss2.Bucket(auth, cloud.oss, cloud.bucket, region=cloud.region, session=oss2.Session())
    bucket.put_object("works", b"")
    bucket.session.session.close()
