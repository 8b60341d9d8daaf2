"""Renditions that FFmpeg made once, kept and reused for equal sources and equal parameters."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from oss_local_cloud.imm.engine.failure import ConversionFailed
from oss_local_cloud.interfaces import ObjectInfo
from oss_local_cloud.store.checksums import file_checksums

_OF_THE_SOURCE = frozenset({"InvalidMedia", "NoAudioStream", "IncompleteMedia", "InvalidArgument"})
"""Codes of failures that the same source and parameters cause again."""


_LONGEST_HEADER = 4096


def by_content(source: ObjectInfo) -> str:
    """What sources of the same content have in common."""
    return f"{source.size} {source.crc64} {source.etag}"


def by_header(source: ObjectInfo) -> str:
    """What wav files of the same size and header have in common; for other files as `by_content`."""
    try:
        with source.path.open("rb") as file:
            head = file.read(_LONGEST_HEADER)
    except FileNotFoundError:  # overwritten since it was looked up
        return by_content(source)
    data = head.find(b"data", 12)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE" or data < 0:
        return by_content(source)
    return f"{source.size} {head[: data + 8].hex()}"


class RenditionCache:
    """Files below `directory`, hard links of renditions that were stored; failures are remembered in memory.

    What a rendition depends on is in its name: what its source has in common with others, and the parameters.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._known: dict[str, asyncio.Future[ObjectInfo]] = {}

    async def find(self, source: str, parameters: str, make: Callable[[], Awaitable[ObjectInfo]]) -> ObjectInfo:
        """The rendition of a source, from the cache or made by `make`, which concurrent callers share.

        Args:
            source: what equal sources have in common; see `by_content`.
            parameters: what else the rendition depends on.
            make: makes and stores the rendition. When it fails for another reason than the source, the next caller
                tries again.

        Raises:
            ConversionFailed: The source can't be converted.
        """
        text = f"{source} {parameters}"
        name = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        while (known := self._known.get(name)) is not None:
            if not known.done():
                await asyncio.wait({known})
            if not known.cancelled():
                return known.result()
        known = self._known[name] = asyncio.get_running_loop().create_future()
        try:
            found = await asyncio.to_thread(self._load, name)
            if found is None:
                made = await make()
                found = await asyncio.to_thread(self._keep, name, made)
                if found is None:
                    self._forget(name)
                    return made
        except ConversionFailed as failure:
            if failure.code in _OF_THE_SOURCE:
                known.set_exception(failure)
                known.exception()  # retrieved here, because there may be no other waiter
            else:
                self._forget(name)
            raise
        except BaseException:
            self._forget(name)
            raise
        known.set_result(found)
        return found

    def _forget(self, name: str) -> None:
        self._known.pop(name).cancel()

    def _load(self, name: str) -> ObjectInfo | None:
        path = self._directory / name
        if not path.exists():
            return None
        sums = file_checksums(path)
        since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return ObjectInfo("", "", sums.etag, sums.size, since, "", sums.crc64, str(path), {}, {})

    def _keep(self, name: str, made: ObjectInfo) -> ObjectInfo | None:
        """Keep a rendition; None when it was overwritten or deleted already."""
        path = self._directory / name
        try:
            os.link(made.path, path)
        except FileNotFoundError:
            return None
        return made._replace(file=str(path))
