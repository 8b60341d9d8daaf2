"""Bodies of SMQ requests are read as documented, or refused with the documented code."""

from __future__ import annotations

import pytest

from oss_local_cloud.smq import request_bodies
from oss_local_cloud.smq.errors import SmqRequestError
from oss_local_cloud.smq.messages import NewMessage


def test_one_message_or_a_batch_is_read() -> None:
    one = b"<Message><MessageBody>a</MessageBody><DelaySeconds>3</DelaySeconds><Priority>1</Priority></Message>"
    assert request_bodies.new_messages(one, 100) == ([NewMessage("a", 3, 1)], False)
    batch = b"<Messages><Message><MessageBody>a</MessageBody></Message></Messages>"
    assert request_bodies.new_messages(batch, 100) == ([NewMessage("a")], True)


def test_properties_are_read_by_group() -> None:
    body = (
        b"<Message><MessageBody>a</MessageBody><UserProperties><PropertyValue><Name>n</Name><Value>v</Value>"
        b"<Type>STRING</Type></PropertyValue></UserProperties></Message>"
    )
    (message,), _ = request_bodies.new_messages(body, 100)
    assert message.properties == {"UserProperties": [{"Name": "n", "Value": "v", "Type": "STRING"}]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<Message></Message>", "InvalidArgument"),
        (b"<Message><MessageBody>abcd</MessageBody></Message>", "InvalidArgument"),
        (b"<Message><MessageBody>a</MessageBody><Priority>17</Priority></Message>", "InvalidArgument"),
        (b"<Message><MessageBody>a</MessageBody><Other/></Message>", "InvalidArgument"),
        (b"<Messages></Messages>", "InvalidArgument"),
        (b"<Messages><Other/></Messages>", "MalformedXML"),
        (b"<Messages>" + 2 * b"<Message><MessageBody>ab</MessageBody></Message>" + b"</Messages>", "InvalidArgument"),
    ],
)
def test_an_invalid_send_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(SmqRequestError) as refused:
        request_bodies.new_messages(body, 3)
    assert (refused.value.status, refused.value.code) == (400, code)


def test_a_published_message_has_a_body_and_a_tag() -> None:
    body = b"<Message><MessageBody>a</MessageBody><MessageTag>t</MessageTag></Message>"
    assert request_bodies.topic_message(body) == ("a", "t")
    with pytest.raises(SmqRequestError, match="MessageTag"):
        request_bodies.topic_message(body.replace(b">t<", b">" + b"t" * 17 + b"<"))


def test_a_batch_delete_has_one_to_sixteen_handles() -> None:
    body = b"<ReceiptHandles><ReceiptHandle>a</ReceiptHandle><ReceiptHandle>b</ReceiptHandle></ReceiptHandles>"
    assert request_bodies.receipt_handles(body) == ["a", "b"]
    with pytest.raises(SmqRequestError, match="MalformedXML"):
        request_bodies.receipt_handles(b"<ReceiptHandles><Other/></ReceiptHandles>")
    assert request_bodies.check_batch_size(16) == 16
    for count in (0, 17):
        with pytest.raises(SmqRequestError, match="16"):
            request_bodies.check_batch_size(count)
