"""Latency, errors, resets and silence, as unmodified clients see them over real sockets."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import alibabacloud_oss_v2 as oss_v2
import oss2
import pytest
from alibabacloud_imm20200930 import models as imm_models
from alibabacloud_imm20200930.client import Client as ImmSdk
from alibabacloud_oss_v2 import aio as oss_v2_aio
from alibabacloud_tea_openapi.models import Config
from mns.mns_exception import MNSClientNetworkException, MNSServerException
from Tea.exceptions import TeaException

from oss_local_cloud.fault_injection.durations import Exponential, Uniform
from oss_local_cloud.fault_injection.rules import Error, Latency, Reset, Silence, Slow

PUT, SUBMIT = ("PutObject",), ("AsyncProcessObject",)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (Error(service="oss", operations=PUT, status=500), "InternalError"),
        (Error(service="oss", operations=PUT, status=503), "ServiceUnavailable"),
        (Error(service="oss", operations=PUT, status=403), "AccessDenied"),
        (Error(service="oss", operations=PUT, status=429, code="Throttling", message="Slow down."), "Throttling"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_is_answered_before_or_after_the_work(clients: Any, rule: Error, code: str, when: str):
    clients.admin.add(rule.model_copy(update={"when": when}))
    with pytest.raises(oss2.exceptions.ServerError) as raised:
        clients.put("object")
    assert (raised.value.status, raised.value.code) == (rule.status, code)
    assert raised.value.message == rule.message
    assert clients.bucket.object_exists(clients.folder + "object") == (when == "after")
    (fault,) = clients.admin.faults()
    assert (fault.fault, fault.service, fault.operation, fault.when) == ("error", "oss", "PutObject", when)
    assert (fault.bucket, fault.key) == (clients.cloud.bucket, clients.folder + "object")
    assert fault.request_id == raised.value.request_id


def test_an_error_of_a_head_is_in_its_header(clients: Any):
    clients.admin.add(Error(service="oss", operations=("HeadObject",), status=503))
    with pytest.raises(oss2.exceptions.ServerError) as raised:
        clients.bucket.head_object("any")
    assert (raised.value.status, raised.value.code) == (503, "ServiceUnavailable")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reset_hides_the_outcome_from_the_client_and_is_logged(clients: Any, wav: Any, when: str):
    clients.put("in.wav", wav(8000))
    clients.admin.add(Reset(service="oss", operations=SUBMIT, when=when, times=1))
    with pytest.raises(oss2.exceptions.RequestError) as raised:
        clients.submit("in.wav", "lost.mp3")
    assert isinstance(raised.value.exception.args[0].args[1], ConnectionResetError)
    again = clients.submit("in.wav", "again.mp3")
    accepted = [task for task in clients.admin.tasks() if task.key == clients.folder + "in.wav"]
    (fault,) = clients.admin.faults(fault="reset")
    assert (fault.key, fault.when) == (clients.folder + "in.wav", when)
    if when == "before":
        assert [task.task_id for task in accepted] == [again]
        assert fault.task_id == ""
    else:
        assert [task.task_id for task in accepted] == [fault.task_id, again]
        assert clients.ended(fault.task_id)[0].target_key == clients.folder + "lost.mp3"


def test_the_reset_is_a_reset_on_the_socket(clients: Any):
    clients.admin.add(Reset(service="oss"))
    host, _, port = clients.cloud.oss.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"PUT /audio/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + bytes(100_000))
        with pytest.raises(ConnectionResetError) as raised:
            connection.recv(1)
    assert raised.value.errno == errno.ECONNRESET


async def test_asyncio_clients_see_the_reset(clients: Any):
    clients.admin.add(Reset(service="oss", operations=("GetObject", "HeadObject")))
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientOSError) as raised:
            await session.get(f"{clients.cloud.oss}/{clients.cloud.bucket}/key")
    assert raised.value.errno == errno.ECONNRESET
    config = oss_v2.config.load_default()
    config.credentials_provider = oss_v2.credentials.StaticCredentialsProvider(
        clients.cloud.access_key_id, clients.cloud.access_key_secret
    )
    config.region, config.endpoint, config.retry_max_attempts = clients.cloud.region, clients.cloud.oss, 1
    client = oss_v2_aio.AsyncClient(config)
    try:
        with pytest.raises(oss_v2.exceptions.OperationError, match=r"(?i)reset"):
            await client.head_object(oss_v2.HeadObjectRequest(clients.cloud.bucket, "key"))
    finally:
        await client.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_silence_is_a_read_timeout(clients: Any, wait_until: Any, when: str):
    clients.admin.add(Silence(service="oss", operations=PUT, when=when, times=1))
    impatient = clients.bucket_with(connect_timeout=1)
    with contextlib.closing(impatient.session.session), pytest.raises(oss2.exceptions.RequestError, match="timed out"):
        impatient.put_object(clients.folder + "object", b"content")
    (fault,) = wait_until(lambda: list(clients.admin.faults()))
    assert (fault.fault, fault.when, fault.key) == ("silence", when, clients.folder + "object")
    assert clients.bucket.object_exists(clients.folder + "object") == (when == "after")


@pytest.mark.parametrize("when", ["before", "after"])
def test_latency_delays_the_answer(clients: Any, when: str):
    clients.admin.replace(
        [
            Latency(service="oss", operations=PUT, seconds=0.1, when=when),
            Latency(service="oss", operations=PUT, seconds=Uniform(low=0.1, high=0.2), when=when),
        ]
    )
    began = time.monotonic()
    clients.put("object")
    assert time.monotonic() - began >= 0.2
    assert [rule.fired for rule in clients.admin.rules()] == [1, 1]
    assert list(clients.admin.faults()) == []


def test_a_disconnect_during_a_late_response_is_logged(clients: Any, wav: Any, wait_until: Any):
    clients.put("in.wav", wav(8000))
    clients.admin.add(Latency(service="oss", operations=SUBMIT, seconds=600.0, when="after", times=1))
    impatient = clients.bucket_with(connect_timeout=2)
    with contextlib.closing(impatient.session.session), pytest.raises(oss2.exceptions.RequestError, match="timed out"):
        clients.submit("in.wav", "out.mp3", bucket=impatient)
    (fault,) = wait_until(lambda: list(clients.admin.faults()))
    (task,) = (task for task in clients.admin.tasks() if task.key == clients.folder + "in.wav")
    assert (fault.fault, fault.task_id) == ("latency", task.task_id)
    assert "hung up" in fault.detail


def test_rules_choose_by_operation_key_bucket_and_number_of_times(clients: Any):
    prefix = clients.folder + "chosen/"
    rule = clients.admin.add(Error(service="oss", operations=PUT, status=500, key_prefix=prefix, times=2))
    elsewhere = clients.admin.add(Error(service="oss", status=500, bucket="another-bucket"))
    clients.put("other")
    assert clients.bucket.object_exists(prefix + "1") is False
    for _ in range(2):
        with pytest.raises(oss2.exceptions.ServerError):
            clients.put("chosen/1")
    clients.put("chosen/1")
    figures = clients.admin.rule(rule)
    assert (figures.seen, figures.fired, figures.left) == (3, 2, 0)
    assert clients.admin.rule(elsewhere).seen == 0


def test_a_listing_is_chosen_by_its_prefix(clients: Any):
    clients.admin.add(Error(service="oss", operations=("ListObjectsV2",), status=503, key_prefix=clients.folder))
    clients.bucket.list_objects_v2(prefix="elsewhere/")
    with pytest.raises(oss2.exceptions.ServerError):
        clients.bucket.list_objects_v2(prefix=clients.folder)


def test_the_first_rule_that_ends_a_request_is_the_only_one(clients: Any):
    clients.admin.replace([Error(service="oss", status=503, times=1), Error(service="oss", status=500)])
    statuses = []
    for _ in range(2):
        with pytest.raises(oss2.exceptions.ServerError) as raised:
            clients.put("object")
        statuses.append(raised.value.status)
    assert statuses == [503, 500]


def test_smq_errors_have_the_shape_of_smq(clients: Any):
    queue = clients.cloud.queue
    clients.admin.add(Error(service="smq", operations=("ReceiveMessage",), status=503, key_prefix=queue, times=1))
    with pytest.raises(MNSServerException) as raised:
        clients.queue.receive_message(0)
    assert raised.value.type == "ServiceUnavailable"
    clients.admin.replace([Error(service="smq", status=400, code="QpsLimitExceeded", times=1)])
    with pytest.raises(MNSServerException) as raised:
        clients.queue.peek_message()
    assert raised.value.type == "QpsLimitExceeded"
    clients.admin.replace([Reset(service="smq", operations=("PeekMessage",), times=1)])
    with pytest.raises(MNSClientNetworkException):
        clients.queue.peek_message()
    with pytest.raises(MNSServerException) as raised:
        clients.queue.peek_message()
    assert raised.value.type == "MessageNotExist"


def imm_sdk(clients: Any) -> ImmSdk:
    return ImmSdk(
        Config(
            access_key_id=clients.cloud.access_key_id,
            access_key_secret=clients.cloud.access_key_secret,
            endpoint=clients.cloud.imm.removeprefix("http://"),
            protocol="HTTP",
        )
    )


def test_imm_errors_have_the_shape_of_imm(clients: Any):
    clients.admin.add(Error(service="imm", operations=("GetOSSBucketAttachment",), status=403, times=1))
    request = imm_models.GetOSSBucketAttachmentRequest(ossbucket=clients.cloud.bucket)
    with pytest.raises(TeaException) as raised:
        imm_sdk(clients).get_ossbucket_attachment(request)
    assert raised.value.code == "NoPermission"
    answer = imm_sdk(clients).get_ossbucket_attachment(request)
    assert answer.body.project_name == "local-imm"


def test_the_clock_of_all_services_moves(clients: Any):
    clients.admin.set_clock_offset(3600.0)
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        clients.put("object")
    assert refused.value.code == "RequestTimeTooSkewed"
    ahead = parsedate_to_datetime(refused.value.headers["Date"]).timestamp() - time.time()
    assert 3500 < ahead <= 3601
    with pytest.raises(MNSServerException):
        clients.queue.peek_message()
    with pytest.raises(TeaException):
        imm_sdk(clients).get_ossbucket_attachment(
            imm_models.GetOSSBucketAttachmentRequest(ossbucket=clients.cloud.bucket)
        )
    clients.admin.set_clock_offset(-600.0)
    head = clients.bucket.head_object(clients.put("object"))
    assert -700 < head.last_modified - time.time() < -500
    assert head.resp.headers["Date"]
    clients.admin.set_clock_offset(0.0)
    clients.put("object")


@pytest.mark.parametrize("service", ["oss", "smq", "imm"])
async def test_each_service_has_one_date(clients: Any, service: str):
    async with aiohttp.ClientSession() as session, session.get(getattr(clients.cloud, service)) as answer:
        assert len(answer.headers.getall("Date")) == 1


def test_a_cloud_with_requests_that_wait_ends_at_once(start_local_cloud: Any, clients_of: Any):
    cloud = start_local_cloud(admin=True)
    clients = clients_of(cloud)
    clients.admin.replace(
        [
            Silence(service="oss", operations=PUT),
            Latency(service="oss", operations=("GetObject",), seconds=Exponential(mean=80_000.0)),
            Slow(seconds=80_000.0),
        ]
    )
    host, _, port = cloud.oss.removeprefix("http://").rpartition(":")
    with contextlib.ExitStack() as stack:
        for request in (b"PUT", b"GET"):
            connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
            connection.sendall(request + b" /audio/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        while [rule.seen for rule in clients.admin.rules()][:2] != [1, 1]:
            time.sleep(0.02)
        cloud.stop()
