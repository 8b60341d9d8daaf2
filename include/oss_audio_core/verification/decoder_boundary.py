"""The boundary around the decoders: whatever they raise about a file is a finding about that file.

FFmpeg and PyAV raise dozens of classes about hostile bytes, among them some that are OSErrors by inheritance, and plain
`OSError` and `IndexError`. Outside there are two kinds: `UnreadableAudio`, and errors of reading the bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from oss_audio_core.verification.errors import UnreadableAudio

P = ParamSpec("P")
Source = TypeVar("Source")
Found = TypeVar("Found")


def decoder_boundary(measure: Callable[Concatenate[Source, P], Found]) -> Callable[Concatenate[Source, P], Found]:
    """Turn what decoders raise within a measuring function into `UnreadableAudio`.

    Errors of reading pass through: those of the file's own `read`, of a function that reads ranges, and of opening a
    path. A seek that fails is the decoder's: FFmpeg follows offsets that the file's header gives.

    Args:
        measure: takes a path, an open file or a function that reads ranges, and then perhaps the name for errors.
    """

    @wraps(measure)
    def measured(source: Source, /, *args: P.args, **kwargs: P.kwargs) -> Found:
        if isinstance(source, str | os.PathLike):
            return measure(source, *args, **kwargs)  # calls itself with the open file
        watched = _Watched(source)
        try:
            return measure(cast("Source", watched), *args, **kwargs)
        except UnreadableAudio:
            raise
        except Exception as error:
            if watched.error is not None:
                raise watched.error from None
            name = kwargs.get("name") or (args[0] if args else None) or getattr(source, "name", "the file")
            said = " ".join(str(error).split())
            reason = f"its decoder gave up: {type(error).__name__}: {said}"
            raise UnreadableAudio(str(name), reason) from error

    return measured


class _Watched:
    """Passes everything on to an open file, or to a function that reads, and keeps the error of a read."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.error: Exception | None = None

    def __call__(self, *args: Any) -> Any:
        return self._watch(self._source, *args)

    def read(self, *args: Any) -> Any:
        return self._watch(self._source.read, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def _watch(self, read: Callable[..., Any], *args: Any) -> Any:
        try:
            return read(*args)
        except Exception as error:
            self.error = error
            raise
