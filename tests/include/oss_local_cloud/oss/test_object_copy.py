"""CopyObject's size limit, lowered so that no test has to store a gibibyte."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oss_local_cloud.interfaces import Submitted
from oss_local_cloud.oss import object_copy
from oss_local_cloud.oss.addressing import parse_request_head
from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.errors import OssError
from oss_local_cloud.oss.http_messages import OssRequest
from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.object_store import LocalObjectStore


class NoProcessor:
    async def submit(self, bucket: str, key: str, process: str) -> Submitted:
        raise AssertionError("a copy submits nothing")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[ApiContext]:
    store = LocalObjectStore(tmp_path)
    store.create_bucket("music")
    with ThreadPoolExecutor(1) as threads:
        yield ApiContext(store, NoProcessor(), "local-1", threads)
    store.close()


async def empty_body() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_the_limit_is_one_gibibyte():
    assert object_copy.MAX_COPY_BYTES == 1024**3


@pytest.mark.parametrize(("size", "refused"), [(8, False), (9, True)])
async def test_a_copy_over_the_limit_is_refused(
    context: ApiContext, monkeypatch: pytest.MonkeyPatch, size: int, refused: bool
):
    monkeypatch.setattr(object_copy, "MAX_COPY_BYTES", 8)
    store = context.store
    content = store.stage()
    content.write(b"x" * size)
    store.put("music", "source", content, ObjectAttributes("text/plain"))
    headers = {"x-oss-copy-source": "/music/source"}
    request = parse_request_head("PUT", b"/music/target", b"", headers, ())
    call = OssRequest(request, "127.0.0.1", "0" * 24, empty_body)
    if refused:
        with pytest.raises(OssError) as raised:
            await object_copy.copy_object(context, call)
        assert (raised.value.status, raised.value.code) == (400, "EntityTooLarge")
        assert "UploadPartCopy" in raised.value.message
    else:
        assert (await object_copy.copy_object(context, call)).status == 200
        assert store.head("music", "target").size == size
