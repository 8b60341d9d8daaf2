"""The parameter `encoding-type`: the encoding of keys in a response."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from oss_local_cloud.oss.errors import invalid_argument
from oss_local_cloud.oss.http_messages import OssRequest
from oss_local_cloud.oss.xml import Element

Encode = Callable[[str], str]
_ENCODED = {code: quote(chr(code), safe="") for code in range(128)}


def key_encoder(request: OssRequest) -> tuple[Encode, list[Element]]:
    """The encoder of keys for a response, and its XML element `EncodingType`.

    Raises:
        OssError: InvalidArgument.
    """
    wanted = request.parameter("encoding-type")
    if wanted not in ("", "url"):
        raise invalid_argument("encoding-type", wanted, "Invalid Encoding Method specified in Request.")
    return (url_encode, [("EncodingType", "url")]) if wanted else (str, [])


def url_encode(text: str) -> str:
    """A key as `encoding-type=url` writes it."""
    return text.translate(_ENCODED) if text.isascii() else quote(text, safe="")
