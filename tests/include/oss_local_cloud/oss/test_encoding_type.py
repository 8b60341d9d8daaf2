"""The encoding of keys in a response."""

from __future__ import annotations

from oss_local_cloud.oss.encoding_type import url_encode


def test_every_reserved_character_is_encoded():
    assert url_encode("in/a b+c.wav") == "in%2Fa%20b%2Bc.wav"
    assert url_encode("中") == "%E4%B8%AD"
