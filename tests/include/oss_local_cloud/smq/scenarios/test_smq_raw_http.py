"""SMQ over plain HTTP: requests as captured, and requests no SDK would send."""

from __future__ import annotations

import http.client
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import aiohttp
import pytest

from oss_local_cloud.signatures.mns import sign, string_to_sign

CAPTURED_CREATE = """PUT /queues/q1 HTTP/1.1\r
Accept-Encoding: identity\r
Content-Length: 308\r
Connection: Keep-Alive\r
content-md5: ZTM2ZmUxNWU0YTAxZTE2NTg3OGUxNDY3MjgzYjViMWM=\r
content-type: text/xml;charset=UTF-8\r
x-mns-version: 2015-06-06\r
host: 127.0.0.1:38543\r
date: Sun, 22 Nov 2026 14:34:24 GMT\r
user-agent: aliyun-sdk-python/1.3.0\r
Authorization: MNS testAK:wotrycgnktGFvva0XpUJaB1Hh98=\r
\r
<?xml version="1.0" encoding="utf-8"?><Queue xmlns="http://mns.aliyuncs.com/doc/v1/"><VisibilityTimeout>30</VisibilityTimeout><MaximumMessageSize>65536</MaximumMessageSize><MessageRetentionPeriod>345600</MessageRetentionPeriod><DelaySeconds>0</DelaySeconds><PollingWaitSeconds>10</PollingWaitSeconds></Queue>"""


def signed(smq: Any, method: str, target: str, **headers: str) -> dict[str, str]:
    """The headers of a signed request; keyword names have underscores for hyphens."""
    now = datetime.fromtimestamp(smq.clock(), UTC)
    found = {"x-mns-version": "2015-06-06", "date": format_datetime(now, usegmt=True)}
    found |= {name.replace("_", "-"): value for name, value in headers.items()}
    found["Authorization"] = "MNS testAK:" + sign("testSK", string_to_sign(method, target, found))
    return found


def ask(
    smq: Any, method: str, target: str, body: bytes | None = None, **headers: str
) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection(smq.endpoint.removeprefix("http://"), timeout=20)
    try:
        connection.request(method, target, body, signed(smq, method, target, **headers))
        response = connection.getresponse()
        return response.status, response.read().decode(), dict(response.getheaders())
    finally:
        connection.close()


def code_of(document: str) -> str:
    match = re.search("<Code>(.*)</Code>", document)
    assert match is not None, document
    return match[1]


def test_a_captured_request_works_byte_for_byte(smq: Any) -> None:
    smq.clock.ahead = datetime(2026, 11, 22, 14, 34, 24, tzinfo=UTC).timestamp() - smq.clock()
    host, _, port = smq.endpoint.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    try:
        connection.connect()
        connection.sock.sendall(CAPTURED_CREATE.encode())
        response = http.client.HTTPResponse(connection.sock, method="PUT")
        response.begin()
        assert response.status == 201
        assert response.getheader("Location") == "http://127.0.0.1:38543/queues/q1"
        response.close()
    finally:
        connection.close()
    status, document, _ = ask(smq, "GET", "/queues/q1")
    assert (status, "<PollingWaitSeconds>10</PollingWaitSeconds>" in document) == (200, True)


def test_an_anonymous_request_is_refused_in_the_shape_of_every_error(smq: Any) -> None:
    connection = http.client.HTTPConnection(smq.endpoint.removeprefix("http://"), timeout=20)
    connection.request("GET", "/queues")
    response = connection.getresponse()
    document = response.read().decode()
    connection.close()
    assert response.status == 400
    request_id = response.getheader("x-mns-request-id")
    assert re.fullmatch("[0-9A-F]{24}", request_id or "")
    assert document == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error xmlns="http://mns.aliyuncs.com/doc/v1/">'
        "<Code>MissingAuthorizationHeader</Code><Message>Authorization header is required.</Message>"
        f"<RequestId>{request_id}</RequestId><HostId>{smq.endpoint}</HostId></Error>"
    )


def test_skew_is_judged_by_the_servers_clock(smq: Any) -> None:
    headers = signed(smq, "GET", "/queues")
    smq.clock.ahead += 901
    connection = http.client.HTTPConnection(smq.endpoint.removeprefix("http://"), timeout=20)
    connection.request("GET", "/queues", headers=headers)
    response = connection.getresponse()
    assert (response.status, code_of(response.read().decode())) == (408, "TimeExpired")
    connection.close()


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "code"),
    [
        ("GET", "/", None, 400, "InvalidRequestURL"),
        ("GET", "/nothing", None, 400, "InvalidRequestURL"),
        ("PATCH", "/queues/q", None, 400, "InvalidRequestURL"),
        ("GET", "/queues/q/messages/more", None, 400, "InvalidRequestURL"),
        ("GET", "/queues/-st", None, 400, "InvalidQueueName"),
        ("GET", "/queues/a%20b", None, 400, "InvalidQueueName"),
        ("GET", f"/queues/{'q' * 121}", None, 400, "QueueNameLengthError"),
        ("GET", f"/queues/{'q' * 120}", None, 404, "QueueNotExist"),
        ("GET", "/topics/_", None, 400, "TopicNameInvalid"),
        ("GET", f"/topics/{'t' * 121}", None, 400, "TopicNameLengthError"),
        ("GET", "/topics/t/subscriptions/_", None, 400, "SubscriptionNameInvalid"),
        ("GET", f"/topics/t/subscriptions/{'s' * 121}", None, 400, "SubscriptionNameLengthError"),
        ("GET", "/queues/q?colour=red", None, 400, "InvalidQueryString"),
        ("GET", "/queues/q/messages?waitseconds=1&waitseconds=2", None, 400, "InvalidQueryString"),
        ("POST", "/queues/q/messages?numOfMessages=2", b"<Message/>", 400, "InvalidQueryString"),
        ("GET", "/queues/missing/messages", None, 404, "QueueNotExist"),
        ("GET", "/queues/q/messages?waitseconds=31", None, 400, "InvalidArgument"),
        ("GET", "/queues/q/messages?waitseconds=soon", None, 400, "InvalidArgument"),
        ("GET", "/queues/q/messages?numOfMessages=17", None, 400, "InvalidArgument"),
        ("GET", "/queues/q/messages?numOfMessages=0", None, 400, "InvalidArgument"),
        ("GET", "/queues/q/messages?peekonly=maybe", None, 400, "InvalidArgument"),
        ("PUT", "/queues/q?metaoverride=1", b"<Queue></Queue>", 400, "InvalidArgument"),
        ("DELETE", "/queues/q/messages", None, 400, "MissingReceiptHandle"),
        ("DELETE", "/queues/q/messages?ReceiptHandle=h1", None, 400, "ReceiptHandleError"),
        ("PUT", "/queues/q/messages?VisibilityTimeout=5", None, 400, "MissingReceiptHandle"),
        ("PUT", "/queues/q/messages?ReceiptHandle=h1", None, 400, "MissingVisibilityTimeout"),
        ("PUT", "/queues/q/messages?ReceiptHandle=h1&VisibilityTimeout=0", None, 400, "InvalidArgument"),
        ("POST", "/queues/q/messages", b"", 400, "MalformedXML"),
        ("POST", "/queues/q/messages", b"<Message>", 400, "MalformedXML"),
        ("POST", "/queues/q/messages", b"<Queue></Queue>", 400, "MalformedXML"),
        ("POST", "/queues/q/messages", b"<Message></Message>", 400, "InvalidArgument"),
        (
            "POST",
            "/queues/q/messages",
            b'<!DOCTYPE m [<!ENTITY a "b">]><Message><MessageBody>&a;</MessageBody></Message>',
            400,
            "MalformedXML",
        ),
        ("POST", "/queues/q/messages", b"\xff\xfe<Message/>", 400, "MalformedXML"),
        ("PUT", "/queues/q2", b"<Queue><Colour>red</Colour></Queue>", 400, "InvalidArgument"),
        (
            "POST",
            "/topics/t/messages",
            b"<Message><MessageBody>m</MessageBody><MessageTag>seventeen letters</MessageTag></Message>",
            400,
            "InvalidArgument",
        ),
        (
            "PUT",
            "/topics/t/subscriptions/s",
            b"<Subscription><Endpoint>acs:mns:cn-hangzhou:1000000000000001:queues/q</Endpoint>"
            b"<FilterTag>seventeen letters</FilterTag></Subscription>",
            400,
            "InvalidArgument",
        ),
        (
            "PUT",
            "/topics/t/subscriptions/s",
            b"<Subscription><Endpoint>acs:mns:cn-beijing:1000000000000001:queues/q</Endpoint></Subscription>",
            400,
            "EndpointInvalid",
        ),
        (
            "PUT",
            "/topics/t/subscriptions/s",
            b"<Subscription><Endpoint>mail:directmail:a@example.com</Endpoint></Subscription>",
            400,
            "EndpointInvalid",
        ),
    ],
)
def test_invalid_requests_are_refused_with_their_code(
    shared_smq: Any, method: str, target: str, body: bytes | None, status: int, code: str
) -> None:
    assert ask(shared_smq, "PUT", "/queues/q")[0] in (201, 204)
    got_status, document, headers = ask(shared_smq, method, target, body)
    assert (got_status, code_of(document)) == (status, code)
    assert headers["x-mns-version"] == "2015-06-06"


@pytest.mark.parametrize(
    ("content_md5", "status"),
    [
        ("MGUxNDBjOGJhYjI1ZWUyOTcyN2NmMDQ5NmEzMDIyNTM=", 201),  # Base64 of the hexadecimal MD5
        ("DhQMi6sl7ilyfPBJajAiUw==", 201),  # Base64 of the MD5
        ("MGUxNDBjOGJhYjI1ZWUyOTcyN2NmMDQ5NmEzMDIyNTQ=", 400),
    ],
)
def test_content_md5_is_checked_in_both_spellings(smq: Any, content_md5: str, status: int) -> None:
    body = b'<?xml version="1.0" encoding="utf-8"?><Queue xmlns="http://mns.aliyuncs.com/doc/v1/"></Queue>'
    assert ask(smq, "PUT", "/queues/q2", body, content_md5=content_md5)[0] == status


def test_the_parameters_of_a_message_are_known_in_the_documentations_spelling_too(smq: Any) -> None:
    ask(smq, "PUT", "/queues/q")
    ask(smq, "POST", "/queues/q/messages", b"<Message><MessageBody>m</MessageBody></Message>")
    handle = re.findall("<ReceiptHandle>(.*)</ReceiptHandle>", ask(smq, "GET", "/queues/q/messages")[1])[0]
    status, document, _ = ask(smq, "PUT", f"/queues/q/messages?receiptHandle={handle}&visibilityTimeout=50")
    assert status == 200
    handle = re.findall("<ReceiptHandle>(.*)</ReceiptHandle>", document)[0]
    assert ask(smq, "DELETE", f"/queues/q/messages?receiptHandle={handle}")[0] == 204


def test_a_request_with_the_newer_signature_is_served(smq: Any) -> None:
    smq.clock.ahead = datetime(2025, 6, 3, 11, 23, 48, tzinfo=UTC).timestamp() - smq.clock()
    body = b"<Queue><PollingWaitSeconds>7</PollingWaitSeconds></Queue>"
    # Worked out by hand with openssl, the way the gateway client does it, for testSK and cn-hangzhou:
    #   PUT \n /queues/v4 \n (no query) \n content-type:text/xml \n x-mns-version:2015-06-06 \n \n
    headers = {
        "Date": "Tue, 03 Jun 2025 11:23:48 GMT",
        "Content-Type": "text/xml",
        "x-mns-version": "2015-06-06",
        "Authorization": "MNS4-HMAC-SHA256 Credential=testAK/20250603/cn-hangzhou/mns/aliyun_v4_request,"
        "Signature=494dbfec633d477b224586b637bb3053eb6f727081ca10e34a7e1779d486930f",
    }
    connection = http.client.HTTPConnection(smq.endpoint.removeprefix("http://"), timeout=20)
    try:
        connection.request("PUT", "/queues/v4", body, headers)
        response = connection.getresponse()
        assert (response.status, response.read()) == (201, b"")
    finally:
        connection.close()
    assert "<PollingWaitSeconds>7</PollingWaitSeconds>" in ask(smq, "GET", "/queues/v4")[1]


def test_user_properties_come_back_as_they_were_sent(smq: Any) -> None:
    ask(smq, "PUT", "/queues/q")
    properties = (
        "<UserProperties><PropertyValue><Name>shard</Name><Value>7</Value><Type>NUMBER</Type>"
        "</PropertyValue></UserProperties>"
    )
    body = f"<Message><MessageBody>hi</MessageBody>{properties}</Message>".encode()
    assert ask(smq, "POST", "/queues/q/messages", body)[0] == 201
    assert properties in ask(smq, "GET", "/queues/q/messages")[1]


async def test_aiohttp_gets_through_as_well(smq: Any) -> None:
    ask(smq, "PUT", "/queues/q")
    body = b"<Message><MessageBody>{&quot;a&quot;:1}</MessageBody></Message>"
    async with aiohttp.ClientSession() as session:
        target = "/queues/q/messages"
        headers = signed(smq, "POST", target, content_type="text/xml")
        async with session.post(smq.endpoint + target, data=body, headers=headers) as response:
            assert response.status == 201
        target = "/queues/q/messages?numOfMessages=16&waitseconds=5"
        async with session.get(smq.endpoint + target, headers=signed(smq, "GET", target)) as response:
            assert "<MessageBody>{&quot;a&quot;:1}</MessageBody>" in await response.text()
