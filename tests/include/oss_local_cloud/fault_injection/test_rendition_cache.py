"""Which results the rendition cache keeps."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from oss_local_cloud.fault_injection.rendition_cache import RenditionCache
from oss_local_cloud.imm.engine.failure import ConversionFailed
from oss_local_cloud.interfaces import ObjectInfo


async def test_only_failures_caused_by_the_source_are_cached(tmp_path: Path):
    made, content = tmp_path / "made", tmp_path / "content"
    content.write_bytes(b"rendition")
    source = ObjectInfo("b", "k", "E", 1, datetime.now(UTC), "", 2, str(content), {}, {})
    kept = RenditionCache(made)
    outcomes: list[BaseException | None] = [
        ConversionFailed("ResourceNotFound", "the target is gone"),
        OSError("the disk is full"),
        asyncio.CancelledError(),
        None,
    ]
    calls = 0

    async def make() -> ObjectInfo:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return source

    results = await asyncio.gather(
        *(kept.find("alike", "audio/convert,f_mp3", make) for _ in range(8)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in results) == sorted(
        ["ConversionFailed", "OSError", "CancelledError", *["ObjectInfo"] * 5]
    )
    assert calls == 4, "whoever waited while another's try broke tries for himself, one at a time"
    again = await RenditionCache(made).find("alike", "audio/convert,f_mp3", make)
    assert again.path.read_bytes() == b"rendition"
    assert calls == 4
