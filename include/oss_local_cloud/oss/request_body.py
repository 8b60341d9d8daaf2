"""Reading the request body of PutObject, UploadPart and AppendObject as a stream.

Content-MD5 and x-oss-hash-crc64ecma are checked when the client sends them. A body that is shorter than its
Content-Length stores nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.errors import OssError, invalid_argument
from oss_local_cloud.oss.http_messages import OssRequest, content_md5, invalid_digest, parse_integer
from oss_local_cloud.store.staged_content import StagedContent

MAX_BODY_BYTES = 5 << 30
"""Bytes of one PutObject, UploadPart or AppendObject at most."""
WRITE_BLOCK_BYTES = 1 << 20
"""Bytes that are buffered before a thread writes them."""
_CRC64 = "x-oss-hash-crc64ecma"


async def read_body(context: ApiContext, request: OssRequest) -> StagedContent:
    """The body, checked, in memory or on the disk.

    Raises:
        OssError: MissingContentLength, EntityTooLarge, InvalidDigest, InvalidArgument.
        ClientDisconnect: The body ended early.
    """
    md5, crc64 = content_md5(request.headers), _declared_crc64(request.headers)
    _check_declared_length(request.headers)
    staged = context.store.stage()
    try:
        blocks: list[bytes] = []
        buffered = 0
        async for block in request.body_blocks():
            blocks.append(block)
            buffered += len(block)
            if buffered >= WRITE_BLOCK_BYTES:
                _check_size(staged.checksums.size + buffered)
                await context.blocking(functools.partial(staged.write, b"".join(blocks)))
                blocks, buffered = [], 0
        staged.write(b"".join(blocks))
        if not staged.in_memory:
            await context.blocking(staged.finish)
        if md5 is not None and md5 != staged.checksums.md5:
            raise invalid_digest()
        if crc64 is not None and crc64 != staged.checksums.crc64:
            raise invalid_argument(
                _CRC64,
                str(crc64),
                f"The CRC-64 you specified did not match what was received: {staged.checksums.crc64}.",
            )
    except BaseException:
        staged.discard()
        raise
    return staged


def _declared_crc64(headers: Mapping[str, str]) -> int | None:
    text = headers.get(_CRC64)
    return None if text is None else parse_integer(_CRC64, text, 0, (1 << 64) - 1)


def _check_declared_length(headers: Mapping[str, str]) -> None:
    length = headers.get("content-length")
    if length is not None:
        _check_size(parse_integer("Content-Length", length, 0, (1 << 63) - 1))
    elif "transfer-encoding" not in headers:
        raise OssError(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")


def _check_size(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise OssError(
            400,
            "EntityTooLarge",
            f"Your proposed upload exceeds the maximum allowed size of {MAX_BODY_BYTES} bytes.",
        )
