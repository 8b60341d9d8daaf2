"""Credentials in the shapes in which services and SDKs quote them."""

from __future__ import annotations

import pytest

from oss_audio_core.oss import redact


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET /k?OSSAccessKeyId=LTAI5tExample&Expires=1&Signature=abc%2Bdef%3D", "abc%2Bdef%3D"),
        ("url: /k?x-oss-credential=myid%2F20250101&x-oss-signature=0123abcd", "0123abcd"),
        ("url: /k?x-oss-credential=myid%2F20250101&x-oss-signature=0123abcd", "myid"),
        ("x-oss-security-token: CAISmuch", "CAISmuch"),
        ("{'security-token': 'CAISmuch', 'a': 1}", "CAISmuch"),
        ("'OSSAccessKeyId': 'myid'", "myid"),
        ("Authorization: OSS myid:QUJDREVGR0hJSktMTU5PUA==", "QUJDREVGR0hJSktMTU5PUA=="),
        ("MNS myid:wotrycgnktGFvva0XpUJaB1Hh98=", "wotrycgnktGFvva0XpUJaB1Hh98="),
        ("OSS4-HMAC-SHA256 Credential=myid/20250417/cn/oss/aliyun_v4_request,Signature=a7c35", "a7c35"),
        ("OSS4-HMAC-SHA256 Credential=myid/20250417/cn/oss/aliyun_v4_request,Signature=a7c35", "myid"),
        ("server string to sign is:POST&%2F&AccessKeyId%3Dmyid%26Action%3DGetTask", "myid%26Action"),
        ("<OSSAccessKeyId>myid</OSSAccessKeyId>", "myid"),
        ("<StringToSign>PUT\n\nmyid</StringToSign>", "myid"),
        ("the key LTAI5tExample1234 isn't known", "LTAI5tExample1234"),
        ("STS.NUexample1234567 expired", "STS.NUexample1234567"),
    ],
)
def test_credentials_are_hidden(text: str, secret: str) -> None:
    assert secret in text
    hidden = redact(text)
    assert secret not in hidden
    assert "***" in hidden


def test_known_secrets_are_hidden_wherever_they_stand() -> None:
    assert redact("a key-1 b key-12 c", ["key-1", None, "key-12", ""]) == "a *** b *** c"


def test_other_words_stay() -> None:
    text = "NoSuchKey: the specified key does not exist; topic: audio-done; signature version 4; EC 0026-00000001"
    assert redact(text) == text
