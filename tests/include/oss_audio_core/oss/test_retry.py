"""Requests that are made again: such as may be made twice, while the service is away; nothing else, not for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import oss2
import pytest

from oss_audio_core.oss import OssSettings, imm, retry, with_retries
from oss_audio_core.oss.retry import TRIES
from oss_local_cloud.fault_injection.admin_client import AdminClient
from oss_local_cloud.fault_injection.rules import Error, Reset

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess


@pytest.fixture
def bucket(admin: AdminClient, settings: OssSettings, faulty_cloud: CloudProcess) -> Iterator[Any]:
    session = settings.session()
    opened = settings.bucket(faulty_cloud.bucket, session=session)
    opened.put_object("in/a.wav", b"RIFF")
    yield opened
    session.session.close()


REQUESTS = {
    "GetObject": lambda bucket: bucket.get_object("in/a.wav").read(),
    "HeadObject": lambda bucket: bucket.head_object("in/a.wav"),
    "ListObjectsV2": lambda bucket: bucket.list_objects_v2("in/"),
    "PutObject": lambda bucket: with_retries(lambda: bucket.put_object("in/b.wav", b"RIFF")).resp.read(),
    "CopyObject": lambda bucket: with_retries(
        lambda: bucket.copy_object(bucket.bucket_name, "in/a.wav", "out/a")
    ).resp.read(),
    "GetObjectTagging": lambda bucket: bucket.get_object_tagging("in/a.wav"),
    "DeleteObject": lambda bucket: bucket.delete_object("in/none.wav").resp.read(),
}


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_moment_of_trouble_is_not_noticed(admin: AdminClient, bucket: Any, operation: str) -> None:
    about = {"service": "oss", "operations": (operation,)}
    rules = [
        admin.add(Error(**about, status=503, times=1)),
        admin.add(Reset(**about, times=1)),
        admin.add(Error(**about, status=429, code="TooManyRequests", times=1)),
    ]
    REQUESTS[operation](bucket)
    assert [admin.rule(rule).fired for rule in rules] == [1, 1, 1]


@pytest.mark.parametrize(("status", "tries"), [(500, TRIES), (503, TRIES), (403, 1)])
def test_a_lasting_outage_is_raised_in_the_end(admin: AdminClient, bucket: Any, status: int, tries: int) -> None:
    rule = admin.add(Error(service="oss", operations=("HeadObject",), status=status))
    with pytest.raises(oss2.exceptions.ServerError, match=str(status)):
        bucket.head_object("in/a.wav")
    assert admin.rule(rule).fired == tries


@pytest.mark.parametrize("fault", [Error(service="oss", status=503), Reset(service="oss")])
def test_a_submit_is_never_made_again(admin: AdminClient, bucket: Any, fault: Any) -> None:
    rule = admin.add(fault)
    with pytest.raises((oss2.exceptions.ServerError, oss2.exceptions.RequestError)):
        bucket.async_process_object("in/a.wav", "audio/convert,f_mp3|sys/saveas,o_YS5tcDM")
    assert admin.rule(rule).fired == 1


def test_a_session_without_retries_makes_one_request(
    admin: AdminClient, bucket: Any, settings: OssSettings, faulty_cloud: CloudProcess
) -> None:
    rule = admin.add(Error(service="oss", status=503))
    session = settings.session(retry=False)
    with pytest.raises(oss2.exceptions.ServerError):
        settings.bucket(faulty_cloud.bucket, session=session).head_object("in/a.wav")
    session.session.close()
    assert admin.rule(rule).fired == 1


def test_a_page_of_tasks_is_asked_for_again(
    admin: AdminClient, settings: OssSettings, faulty_cloud: CloudProcess
) -> None:
    rule = admin.add(Error(service="imm", operations=("ListTasks",), status=503, times=2))
    at = datetime.now(UTC)
    pages = settings.imm().list_tasks(faulty_cloud.bucket, since=at - timedelta(hours=2), until=at - timedelta(hours=1))
    assert list(pages) == [[]]
    assert admin.rule(rule).fired == 2


@pytest.mark.parametrize(("refusals", "ends_well"), [(imm.SLOWER * TRIES, True), ((imm.SLOWER + 1) * TRIES, False)])
def test_a_walk_through_the_tasks_goes_on_more_slowly_when_it_is_throttled(
    admin: AdminClient,
    settings: OssSettings,
    faulty_cloud: CloudProcess,
    monkeypatch: pytest.MonkeyPatch,
    refusals: int,
    ends_well: bool,
) -> None:
    monkeypatch.setattr(retry, "PAUSES", (0.0,) * (TRIES - 1))
    monkeypatch.setattr(imm, "LIST_EVERY", 0.0)
    rule = admin.add(
        Error(service="imm", operations=("ListTasks",), status=400, code="Throttling.User", times=refusals)
    )
    at = datetime.now(UTC)
    pages = settings.imm().list_tasks(faulty_cloud.bucket, since=at - timedelta(hours=2), until=at - timedelta(hours=1))
    if ends_well:
        assert list(pages) == [[]]
    else:
        with pytest.raises(Exception, match="This error was asked for"):
            list(pages)
    assert admin.rule(rule).fired == refusals


def test_a_call_that_ends_badly_for_another_reason_is_made_once() -> None:
    calls: Counter[str] = Counter()

    def call() -> None:
        calls["made"] += 1
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        with_retries(call)
    assert calls["made"] == 1


def test_a_call_is_made_again_until_it_succeeds_or_its_tries_are_over() -> None:
    calls: Counter[str] = Counter()

    def call(bad: int) -> str:
        calls["made"] += 1
        if calls["made"] <= bad:
            raise ConnectionResetError
        return "done"

    assert with_retries(lambda: call(TRIES - 1)) == "done"
    calls.clear()
    with pytest.raises(ConnectionResetError):
        with_retries(lambda: call(TRIES))
    assert calls["made"] == TRIES
