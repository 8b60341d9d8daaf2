"""The examples of the documentation's page, as printed, over a real socket.

What can't be valid is replaced, and nothing else: the REST examples' dates and signatures (docs/seed-notes.md), and of
the Python one the auth class, which `oss2.Auth` is not, and the endpoint. Of the Java and the Go one the request is
sent that they make: Java leaves the padding of Base64 out and has a Content-Type, Go keeps the padding and signs the
Date header and a token.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import oss2
import pytest
from mns.account import Account

REGION = "cn-hangzhou"

MP3_TO_AAC = """\
POST /example.mp3?x-oss-async-process HTTP/1.1
Host: video-demo.oss-cn-hangzhou.aliyuncs.com
Date: Fri, 28 Oct 2022 06:40:10 GMT
Authorization: OSS4-HMAC-SHA256 Credential=LTAI********************/20250417/cn-hangzhou/oss/aliyun_v4_request,Signature=a7c3554c729d71929e0b84489addee6b2e8d5cb48595adfc51868c299c0c218e

x-oss-async-process=audio/convert,ss_10000,t_60000,f_aac,ab_96000|sys/saveas,b_b3V0YnVja2V0,o_b3V0b2JqcHJlZml4LnthdXRvZXh0fQo/notify,topic_QXVkaW9Db252ZXJ0"""  # noqa: E501

WAV_TO_OPUS = """\
POST /example.wav?x-oss-async-process HTTP/1.1
Host: video-demo.oss-cn-hangzhou.aliyuncs.com
Date: Fri, 28 Oct 2022 06:40:10 GMT
Authorization: OSS4-HMAC-SHA256 Credential=LTAI********************/20250417/cn-hangzhou/oss/aliyun_v4_request,Signature=a7c3554c729d71929e0b84489addee6b2e8d5cb48595adfc51868c299c0c218e

x-oss-async-process=audio/convert,f_opus,ab_96000,ar_48000,ac_2|sys/saveas,b_b3V0YnVja2V0,o_b3V0b2JqLnthdXRvZXh0fQo/notify,topic_QXVkaW9Db252ZXJ0"""  # noqa: E501

PYTHON = """\
# -*- coding: utf-8 -*-
import base64
import oss2
from oss2.credentials import EnvironmentVariableCredentialsProvider

def main():
    # Load credentials from environment variables
    auth = oss2.Auth(EnvironmentVariableCredentialsProvider())
    endpoint = 'https://oss-cn-hangzhou.aliyuncs.com'
    bucket = oss2.Bucket(auth, endpoint, 'examplebucket')

    source_key = 'src.mp3'
    target_key = 'dest.aac'

    # Transcoding parameters: start at 10 s, duration 60 s, output AAC at 96 kbit/s
    style = 'audio/convert,ss_10000,t_60000,f_aac,ab_96000'

    # Base64-encode the bucket name and output object key for sys/saveas
    bucket_name_encoded = base64.urlsafe_b64encode('examplebucket'.encode()).decode().rstrip('=')
    target_key_encoded = base64.urlsafe_b64encode(target_key.encode()).decode().rstrip('=')
    process = f"{style}|sys/saveas,b_{bucket_name_encoded},o_{target_key_encoded}/notify,topic_QXVkaW9Db252ZXJ0"

    try:
        result = bucket.async_process_object(source_key, process)
        print(f"EventId: {result.event_id}")
        print(f"RequestId: {result.request_id}")
        print(f"TaskId: {result.task_id}")
    except Exception as e:
        print(f"Error: {e}")


if __name__ == "__main__":
    main()
"""


STYLE = "audio/convert,ss_10000,t_60000,f_aac,ab_96000"
JAVA = f"{STYLE}|sys/saveas,b_ZXhhbXBsZWJ1Y2tldA,o_ZGVzdC5hYWM/notify,topic_QXVkaW9Db252ZXJ0"
GO = f"{STYLE}|sys/saveas,b_ZXhhbXBsZWJ1Y2tldA==,o_ZGVzdC5hYWM=/notify,topic_QXVkaW9Db252ZXJ0"


@pytest.fixture
def hangzhou(start_local_cloud: Callable[..., Any]) -> Any:
    """A local cloud that has what the page's prerequisites ask for."""
    flags = ("--region", REGION, "--security-token", "testToken", "--bucket", "outbucket", "examplebucket")
    return start_local_cloud(bucket="video-demo", topic="AudioConvert", queue="converted", flags=flags)


@pytest.mark.parametrize(
    ("example", "source", "target", "codec"),
    [
        (MP3_TO_AAC, "example.mp3", "outobjprefix.aac\n", "aac"),
        (WAV_TO_OPUS, "example.wav", "outobj.opus\n", "opus"),
    ],
)
def test_the_rest_examples(
    hangzhou: Any,
    make_audio: Callable[..., Path],
    probe_file: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
    example: str,
    source: str,
    target: str,
    codec: str,
) -> None:
    bucket = bucket_of(hangzhou, "video-demo")
    bucket.put_object_from_file(source, str(make_audio(source, "-ac", "2", seconds=12.0)))
    status, answer = send(hangzhou, signed_now(hangzhou, example))
    assert status == 200, answer
    task = json.loads(answer)
    assert set(task) == {"EventId", "RequestId", "TaskId"}
    assert told(hangzhou, task["TaskId"])["Status"] == "Succeeded"
    rendition = tmp_path / "rendition"
    out = bucket_of(hangzhou, "outbucket")
    out.get_object_to_file(target, str(rendition))
    assert probe_file(rendition)["codec_name"] == codec
    for used in (bucket, out):
        used.session.session.close()


def test_a_rest_example_as_it_stands_is_refused_for_its_signature(hangzhou: Any) -> None:
    status, answer = send(hangzhou, MP3_TO_AAC)
    assert status == 403
    assert b"<Code>InvalidAccessKeyId</Code>" in answer


def test_the_python_example(hangzhou: Any, make_audio: Callable[..., Path], tmp_path: Path) -> None:
    bucket = bucket_of(hangzhou, "examplebucket")
    bucket.put_object_from_file("src.mp3", str(make_audio("example.mp3", "-ac", "2", seconds=12.0)))
    program = PYTHON
    for printed, valid in (
        ("oss2.Auth(", "oss2.ProviderAuthV4("),
        ("'https://oss-cn-hangzhou.aliyuncs.com'", repr(hangzhou.oss)),
        ("endpoint, 'examplebucket')", f"endpoint, 'examplebucket', region='{REGION}')"),
    ):
        assert program.count(printed) == 1
        program = program.replace(printed, valid)
    script = tmp_path / "example.py"
    script.write_text(program, encoding="utf-8")
    environment = {"OSS_ACCESS_KEY_ID": "testAK", "OSS_ACCESS_KEY_SECRET": "testSK"}
    run = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True)
    printed = dict(line.split(": ", 1) for line in run.stdout.splitlines())
    assert set(printed) == {"EventId", "RequestId", "TaskId"}, run.stdout
    content = told(hangzhou, printed["TaskId"])
    assert (content["Status"], content["Targets"][0]["URI"]) == ("Succeeded", "oss://examplebucket/dest.aac")
    assert bucket.head_object("dest.aac").content_type == "audio/aac"
    bucket.session.session.close()


@pytest.mark.parametrize(
    ("process", "dated", "headers"),
    [
        (JAVA, "x-oss-date", {"Content-Type": "application/xml"}),
        (GO, "Date", {"x-oss-security-token": "testToken"}),
    ],
    ids=["Java", "Go"],
)
def test_the_requests_of_the_java_and_the_go_example(
    hangzhou: Any, make_audio: Callable[..., Path], process: str, dated: str, headers: dict[str, str]
) -> None:
    bucket = bucket_of(hangzhou, "examplebucket")
    bucket.put_object_from_file("src.mp3", str(make_audio("example.mp3", "-ac", "2", seconds=12.0)))
    now = time.time()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)) if dated == "x-oss-date" else formatdate(now, usegmt=True)
    headers = headers | {dated: stamp, "x-oss-content-sha256": "UNSIGNED-PAYLOAD"}
    headers["Authorization"] = authorization(hangzhou, "examplebucket/src.mp3", headers, stamp, now)
    lines = "\n".join(f"{name}: {value}" for name, value in headers.items())
    head = f"POST /src.mp3?x-oss-async-process HTTP/1.1\nHost: examplebucket.oss-cn-hangzhou.aliyuncs.com\n{lines}"
    status, answer = send(hangzhou, f"{head}\n\nx-oss-async-process={process}")
    assert status == 200, answer
    content = told(hangzhou, json.loads(answer)["TaskId"])
    assert (content["Status"], content["Targets"][0]["URI"]) == ("Succeeded", "oss://examplebucket/dest.aac")
    bucket.session.session.close()


def bucket_of(cloud: Any, name: str) -> oss2.Bucket:
    auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    return oss2.Bucket(auth, cloud.oss, name, region=REGION, session=oss2.Session())


def signed_now(cloud: Any, example: str) -> str:
    """The example with today's date and a signature for it: as the Go SDK does, the Date header is what is signed."""
    now = time.time()
    date = formatdate(now, usegmt=True)
    key = example.split("/", 1)[1].split("?", 1)[0]
    signature = authorization(cloud, f"video-demo/{key}", {}, date, now)
    example = re.sub(r"^Date: .*$", f"Date: {date}", example, flags=re.MULTILINE)
    return re.sub(r"^Authorization: .*$", f"Authorization: {signature}", example, flags=re.MULTILINE)


def authorization(cloud: Any, path: str, headers: dict[str, str], stamp: str, now: float) -> str:
    """V4 of an `x-oss-async-process` request; `stamp` is its date as it is sent."""
    scope = f"{time.strftime('%Y%m%d', time.gmtime(now))}/{REGION}/oss/aliyun_v4_request"
    covered = sorted(
        (name.lower(), value) for name, value in headers.items() if name.lower().startswith(("x-oss-", "content-type"))
    )
    lines = "".join(f"{name}:{value}\n" for name, value in covered)
    canonical = f"POST\n/{path}\nx-oss-async-process\n{lines}\n\nUNSIGNED-PAYLOAD"
    to_sign = f"OSS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signing_key = b"aliyun_v4" + cloud.access_key_secret.encode()
    for part in scope.split("/"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    signature = hmac.new(signing_key, to_sign.encode(), "sha256").hexdigest()
    return f"OSS4-HMAC-SHA256 Credential={cloud.access_key_id}/{scope},Signature={signature}"


def send(cloud: Any, example: str) -> tuple[int, bytes]:
    """Send the text as a request; the length of the body, which the page leaves out, is added."""
    head, _, body = example.partition("\n\n")
    request = head.replace("\n", "\r\n") + f"\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    address = cloud.oss.removeprefix("http://").rpartition(":")
    with socket.create_connection((address[0], int(address[2])), timeout=30) as connection:
        connection.sendall(request.encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head_bytes, _, content = answer.partition(b"\r\n\r\n")
    return int(head_bytes.split(b" ", 2)[1]), content


def told(cloud: Any, task_id: str) -> dict[str, Any]:
    """The notification about a task, from the queue behind the topic."""
    account = Account(cloud.smq, cloud.access_key_id, cloud.access_key_secret)
    queue = account.get_queue(cloud.queue)
    queue.set_encoding(False)
    try:
        while True:
            message = queue.receive_message(30)
            queue.delete_message(message.receipt_handle)
            content: dict[str, Any] = json.loads(json.loads(message.message_body)["content"])
            if content["TaskId"] == task_id:
                return content
    finally:
        account.mns_client.close_connection()
