"""The signature of SMQ requests, on requests captured from aliyun-mns-sdk 1.3.0 (key testAK, secret testSK)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from oss_local_cloud.signatures.credentials import Credentials
from oss_local_cloud.signatures.mns import MnsSignatureError, string_to_sign, verify

CREDENTIALS = Credentials("testAK", "testSK", security_token="tok")


CAPTURED_AT = datetime(2026, 11, 22, 14, 34, 24, tzinfo=UTC).timestamp()


CREATE_QUEUE = (
    "PUT",
    "/queues/q1",
    {
        "content-md5": "ZTM2ZmUxNWU0YTAxZTE2NTg3OGUxNDY3MjgzYjViMWM=",
        "content-type": "text/xml;charset=UTF-8",
        "x-mns-version": "2015-06-06",
        "host": "127.0.0.1:38543",
        "date": "Sun, 22 Nov 2026 14:34:24 GMT",
        "authorization": "MNS testAK:wotrycgnktGFvva0XpUJaB1Hh98=",
    },
)


LIST_QUEUE = (
    "GET",
    "/queues",
    {
        "x-mns-prefix": "q",
        "x-mns-ret-number": "10",
        "x-mns-version": "2015-06-06",
        "date": "Sun, 22 Nov 2026 14:34:24 GMT",
        "authorization": "MNS testAK:332Qmzqeu0NIjJ6LCzMa2eFvzl4=",
    },
)


DELETE = (
    "DELETE",
    "/queues/q1/messages?ReceiptHandle=1-ODU4OTkzNDU5My0xNDMyNzI3ODI3LTItOA==0",
    {
        "x-mns-version": "2015-06-06",
        "date": "Sun, 22 Nov 2026 14:34:24 GMT",
        "authorization": "MNS testAK:pqfIvYxhqbpO2622Y6yZAhp2pco=",
    },
)


BATCH_PEEK = (
    "GET",
    "/queues/q1/messages?peekonly=true&numOfMessages=16",
    {
        "x-mns-version": "2015-06-06",
        "date": "Sun, 22 Nov 2026 14:34:24 GMT",
        "authorization": "MNS testAK:CGyyHPCsqjV4t8YCvUxILpy4AEQ=",
    },
)


WITH_TOKEN = (
    "GET",
    "/queues/q1",
    {
        "x-mns-version": "2015-06-06",
        "date": "Sun, 22 Nov 2026 14:34:25 GMT",
        "authorization": "MNS testAK:rDsr+bYplwU6UfPXCo75tC1Q8zw=",
        "security-token": "tok",
    },
)


def test_the_string_to_sign_is_the_captured_one() -> None:
    assert string_to_sign(*LIST_QUEUE) == (
        "GET\n\n\nSun, 22 Nov 2026 14:34:24 GMT\nx-mns-prefix:q\nx-mns-ret-number:10\nx-mns-version:2015-06-06\n/queues"
    )


@pytest.mark.parametrize("request_", [CREATE_QUEUE, LIST_QUEUE, DELETE, BATCH_PEEK, WITH_TOKEN])
def test_captured_requests_verify(request_: tuple[str, str, dict[str, str]]) -> None:
    verify(*request_, CREDENTIALS, CAPTURED_AT, region="cn-hangzhou")


@pytest.mark.parametrize("seconds", [-900, 900])
def test_fifteen_minutes_of_skew_are_allowed_and_not_a_second_more(seconds: int) -> None:
    verify(*DELETE, CREDENTIALS, CAPTURED_AT + seconds, region="cn-hangzhou")
    with pytest.raises(MnsSignatureError) as caught:
        verify(*DELETE, CREDENTIALS, CAPTURED_AT + seconds + (1 if seconds > 0 else -1), region="cn-hangzhou")
    assert (caught.value.status, caught.value.code) == (408, "TimeExpired")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"authorization": ""}, 400, "MissingAuthorizationHeader"),
        ({"authorization": "OSS testAK:abc="}, 400, "InvalidAuthorizationHeader"),
        ({"authorization": "MNS testAK"}, 400, "InvalidAuthorizationHeader"),
        ({"authorization": "MNS other:wotrycgnktGFvva0XpUJaB1Hh98="}, 403, "InvalidAccessKeyId"),
        ({"authorization": "MNS testAK:wotrycgnktGFvva0XpUJaB1Hh99="}, 403, "SignatureDoesNotMatch"),
        ({"x-mns-version": "2015-06-07"}, 403, "SignatureDoesNotMatch"),
        ({"date": ""}, 400, "MissingDateHeader"),
        ({"date": "yesterday"}, 400, "InvalidDateHeader"),
        ({"security-token": "stolen"}, 403, "InvalidSecurityToken"),
    ],
)
def test_what_is_not_signed_as_it_must_be_is_refused(changes: dict[str, str], status: int, code: str) -> None:
    method, target, headers = CREATE_QUEUE
    with pytest.raises(MnsSignatureError) as caught:
        verify(method, target, {**headers, **changes}, CREDENTIALS, CAPTURED_AT, region="cn-hangzhou")
    assert (caught.value.status, caught.value.code) == (status, code)


def test_another_target_does_not_verify() -> None:
    with pytest.raises(MnsSignatureError, match="does not match"):
        verify("PUT", "/queues/q2", CREATE_QUEUE[2], CREDENTIALS, CAPTURED_AT, region="cn-hangzhou")
