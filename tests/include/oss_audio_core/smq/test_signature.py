"""Requests of the official SDK (aliyun-mns-sdk 1.3.0), captured; literals, so that a mistake can't cancel out."""

from __future__ import annotations

import pytest

from oss_audio_core.smq.signature import authorization, content_md5

DATE = "Sun, 22 Nov 2026 14:34:24 GMT"
DELETE_BODY = (
    b'<?xml version="1.0" encoding="utf-8"?><ReceiptHandles xmlns="http://mns.aliyuncs.com/doc/v1/">'
    b"<ReceiptHandle>h1</ReceiptHandle><ReceiptHandle>h2</ReceiptHandle></ReceiptHandles>"
)


def test_the_digest_is_base64_of_hexadecimal_text() -> None:
    assert content_md5(DELETE_BODY) == "ZjIzODE2NDU2ZGMwNzkxNWZhMTYzOTA0N2NjNDQ1OGI="


@pytest.mark.parametrize(
    ("method", "resource", "signature"),
    [
        ("GET", "/queues/q1", "ULuzxQ4M7AzDKNHsfQMp0oonpM4="),
        ("GET", "/topics/t1", "OMH88mc0d4ZzaMTHoEQAFNJO30E="),
        ("GET", "/queues/q1/messages?numOfMessages=16&waitseconds=30", "Mh+cahDTdDHs17nPv47Nbjmp0TI="),
    ],
)
def test_a_request_without_a_body(method: str, resource: str, signature: str) -> None:
    headers = {"date": DATE, "x-mns-version": "2015-06-06"}
    assert authorization(method, resource, headers, "testAK", "testSK") == f"MNS testAK:{signature}"


def test_a_request_with_a_body() -> None:
    headers = {
        "date": DATE,
        "x-mns-version": "2015-06-06",
        "content-md5": content_md5(DELETE_BODY),
        "content-type": "text/xml;charset=UTF-8",
        "security-token": "sent but never signed",
    }
    value = authorization("DELETE", "/queues/q1/messages", headers, "testAK", "testSK")
    assert value == "MNS testAK:9oDAW8dvPd7LOmDLwCQPVETNaJo="


def test_mns_headers_are_signed_in_order() -> None:
    headers = {
        "x-mns-version": "2015-06-06",
        "date": DATE,
        "x-mns-ret-number": "10",
        "x-mns-prefix": "q",
    }
    value = authorization("GET", "/queues", headers, "testAK", "testSK")
    assert value == "MNS testAK:332Qmzqeu0NIjJ6LCzMa2eFvzl4="
