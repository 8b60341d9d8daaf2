"""A session of aliyun-mns-sdk 1.3.0 as it was recorded, signatures and all, byte for byte (key testAK, secret testSK).

`captured-requests.http` has the requests in their order, each below its name and the answer the documentation
asks for. The recorder was no queue service: its receipt handles are nobody's, and its subscription is for
another account.
"""

from __future__ import annotations

import http.client
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CAPTURED_AT = datetime(2026, 11, 22, 14, 34, 24, tzinfo=UTC)
SESSION = (Path(__file__).parent / "captured-requests.http").read_text(encoding="utf-8")


def requests() -> list[tuple[str, int, str, bytes]]:
    """(name, expected status, expected error code or "", request) in their order."""
    found = []
    for part in re.split("^### ", SESSION, flags=re.MULTILINE)[1:]:
        title, _, request = part.partition("\n")
        name, _, answer = title.partition(": ")
        status, _, code = answer.partition(" ")
        head, _, body = request.partition("\n\n")
        content = body.removesuffix("\n").encode()
        found.append((name, int(status), code, head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + content))
    return found


def test_a_recorded_session_of_the_sdk_is_answered_as_documented(smq: Any) -> None:
    smq.clock.ahead = CAPTURED_AT.timestamp() - smq.clock()
    host, _, port = smq.endpoint.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.connect()
    answers = {}
    try:
        for name, status, code, request in requests():
            connection.sock.sendall(request)
            response = http.client.HTTPResponse(connection.sock, method=request.split(b" ")[0].decode())
            response.begin()
            answers[name] = response.read().decode()
            assert (name, response.status) == (name, status), answers[name]
            assert (f"<Code>{code}</Code>" in answers[name]) is bool(code)
    finally:
        connection.close()
    assert "<PollingWaitSeconds>10</PollingWaitSeconds>" in answers["get_queue_attr"]
    assert re.findall("/queues/([^<]*)</QueueURL>", answers["list_queue"]) == ["q1", "q2"]
    assert re.findall("<MessageBody>(.*?)</MessageBody>", answers["batch_peek"]) == ["eyJhIjoi5LitIn0=", "MQ==", "Mg=="]
    assert re.findall("<MessageBody>(.*?)</MessageBody>", answers["receive"]) == ["eyJhIjoi5LitIn0="]
    assert re.findall("<MessageBody>(.*?)</MessageBody>", answers["batch_receive"]) == ["MQ==", "Mg=="]
    # the MD5 is that of the body as it was sent: printf %s eyJhIjoi5LitIn0= | md5sum
    assert "<MessageBodyMD5>6F79E013D9647C8C90DD1AE33AF4C3A0</MessageBodyMD5>" in answers["send"]
    assert re.findall("<ReceiptHandle>(.*?)</ReceiptHandle>", answers["batch_delete"]) == ["h1", "h2"]
