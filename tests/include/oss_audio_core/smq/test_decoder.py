"""Every form in which IMM's notification may lie in a queue, written out as the documentation shows it."""

from __future__ import annotations

import base64
import json

import pytest

from oss_audio_core.smq import TaskNotification, UndecodableMessage, decode

TASK = (
    '{"ProjectName":"audio","DatasetName":"","RequestId":"R","StartTime":"2024-08-20T07:03:07.36Z",'
    '"EndTime":"2024-08-20T07:03:09.1Z","UserData":"","TaskType":"MediaConvert",'
    '"TaskId":"MediaConvert-d2280366-cd33-48f7-90c6-a0dab65bed63","Status":"Succeeded","Code":"","Message":"",'
    '"EventSourceId":"","Sources":[{"URI":"oss://music/a b/歌.wav","SubtitleSources":null}],'
    '"Targets":[{"URI":"oss://music/out/歌.mp3"}]}'
)
IMM = json.dumps(
    {
        "id": "25E-1uBJ",
        "source": "acs.imm",
        "type": "imm:Task:MediaConvert",
        "subject": "acs:imm:cn-beijing:1:audio/imm:Task:MediaConvert",
        "time": "1724133063161",
        "content": TASK,
    },
    ensure_ascii=False,
)
IMM_OBJECT = IMM.replace(json.dumps(TASK, ensure_ascii=False), TASK)
CLOUD_EVENT = f'{{"specversion":"1.0","id":"1","source":"acs.imm","datacontenttype":"application/json","data":{TASK}}}'
CLOUD_EVENT_TEXT = json.dumps({"specversion": "1.0", "id": "1", "data": IMM})


def smq_json(message: str) -> str:
    return json.dumps(
        {
            "TopicOwner": "1",
            "TopicName": "t",
            "Subscriber": "1",
            "SubscriptionName": "s",
            "MessageId": "M",
            "Message": message,
            "MessageMD5": "D41D8CD98F00B204E9800998ECF8427E",
            "PublishTime": "1724133063161",
        }
    )


def smq_xml(message: str, xmlns: str = ' xmlns="http://mns.aliyuncs.com/doc/v1/"') -> str:
    escaped = message.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Notification{xmlns}><TopicOwner>1</TopicOwner>'
        f"<TopicName>t</TopicName><Subscriber>1</Subscriber><SubscriptionName>s</SubscriptionName>"
        f"<MessageId>M</MessageId><Message>{escaped}</Message><MessageMD5>D4</MessageMD5>"
        "<PublishTime>1724133063161</PublishTime></Notification>"
    )


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


INNER = {
    "bare task": TASK,
    "IMM envelope": IMM,
    "IMM envelope with an object": IMM_OBJECT,
    "CloudEvent": CLOUD_EVENT,
    "CloudEvent with text": CLOUD_EVENT_TEXT,
    "CloudEvent in Base64": json.dumps({"specversion": "1.0", "data_base64": b64(TASK)}),
}
OUTER = {
    "SIMPLIFIED": lambda text: text,
    "SIMPLIFIED, Base64": b64,
    "SIMPLIFIED, Base64 in lines": lambda text: "\n".join(b64(text)[i : i + 76] for i in range(0, len(b64(text)), 76)),
    "SIMPLIFIED, Base64 URL-safe": lambda text: b64(text).replace("+", "-").replace("/", "_").rstrip("="),
    "SIMPLIFIED, byte order mark": lambda text: "\ufeff" + text,
    "JSON": smq_json,
    "JSON of Base64": lambda text: smq_json(b64(text)),
    "JSON in Base64": lambda text: b64(smq_json(text)),
    "XML": smq_xml,
    "XML of Base64": lambda text: smq_xml(b64(text)),
    "XML in Base64": lambda text: b64(smq_xml(text)),
    "XML without namespace": lambda text: smq_xml(text, ""),
    "XML with the documentation's misspelt attribute": lambda text: smq_xml(text, ' xlmns="http://mns.aliyuncs.com/"'),
}


@pytest.mark.parametrize("inner", INNER, ids=str)
@pytest.mark.parametrize("outer", OUTER, ids=str)
def test_every_form_gives_the_same_task(inner: str, outer: str) -> None:
    found = decode(OUTER[outer](INNER[inner]).encode())
    assert found == TaskNotification(
        task_id="MediaConvert-d2280366-cd33-48f7-90c6-a0dab65bed63",
        status="Succeeded",
        code="",
        message="",
        task_type="MediaConvert",
        raw=json.loads(TASK),
    )


def test_a_failure_carries_its_reason() -> None:
    body = '{"TaskId":"MediaConvert-1","Status":"Failed","Code":"InvalidArgument","Message":"no audio stream"}'
    found = decode(body.encode())
    assert (found.status, found.code, found.message) == ("Failed", "InvalidArgument", "no audio stream")
    assert found.task_type == ""


def test_a_task_tells_what_it_read_and_wrote() -> None:
    found = decode(IMM.encode())
    assert (found.sources, found.targets) == (["oss://music/a b/歌.wav"], ["oss://music/out/歌.mp3"])


@pytest.mark.parametrize(
    "odd", ["null", '"oss://b/k"', "[7, {}, null]", '[{"URI": 7}]', '[{"URI": "oss://b/\\u0000"}]']
)
def test_odd_addresses_are_none(odd: str) -> None:
    found = decode(f'{{"TaskId":"T","Status":"Succeeded","Sources":{odd},"Targets":{odd}}}'.encode())
    assert (found.sources, found.targets) == ([], [])


def test_a_reason_can_be_stored_whatever_it_holds() -> None:
    body = '{"TaskId":"T","Status":"Failed","Code":null,"Message":"bad \\u0000 name \\ud83d, 歌"}'
    found = decode(body.encode())
    assert found.message == "bad \N{REPLACEMENT CHARACTER} name \N{REPLACEMENT CHARACTER}, 歌"
    assert found.code == ""


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"hello, world", "neither JSON nor XML nor Base64"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"{", "begins like JSON"),
        (b"[" * 100_000, "begins like JSON"),
        (b'{"TaskId":' + b"9" * 10_000 + b"}", "begins like JSON"),
        (b"[1, 2]", "JSON list"),
        (b"{}", "without TaskId"),
        (b'{"TaskId":"", "Status":"Succeeded"}', "no usable TaskId"),
        (b'{"TaskId":"\\u0000", "Status":"Succeeded"}', "no usable TaskId"),
        (b'{"TaskId":7, "Status":"Succeeded"}', "no usable TaskId"),
        (b'{"TaskId":"T", "Status":null}', "no usable Status"),
        (b'{"events":[{"eventName":"ObjectCreated:PutObject"}]}', "OSS event"),
        (b"<Notification><Message>", "begins like XML"),
        (b"<Other><TopicName>t</TopicName></Other>", "without a Message"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a><Message>&b;</Message></a>', "document type"),
        ("﹤Notification﹥".encode(), "neither JSON nor XML"),
    ],
)
def test_what_is_no_task_says_what_it_looked_like(body: bytes, complaint: str) -> None:
    with pytest.raises(UndecodableMessage, match=complaint):
        decode(body)


def test_endless_wrapping_ends() -> None:
    text = TASK
    for _ in range(12):
        text = json.dumps({"data": text})
    with pytest.raises(UndecodableMessage, match="wrapped more than"):
        decode(text.encode())
