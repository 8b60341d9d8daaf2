"""Recipes that several kinds share: encode a wav by a program, cut, damage, append."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tools.corpus.case import Case, Make, Truth
from tools.corpus.workshop import Workshop


def by_ffmpeg(
    *arguments: str, seconds: float = 2.0, rate: int = 44_100, channels: int = 2, samples: int | None = None
) -> Make:
    """Encode music by FFmpeg with further arguments; the extension picks the container."""

    def make(shop: Workshop, target: Path) -> None:
        shop.ffmpeg("-i", shop.wav(seconds, rate, channels, samples=samples), *arguments, f"file:{target}")

    return make


def piped_by_ffmpeg(*arguments: str, seconds: float = 2.0, rate: int = 44_100, channels: int = 2) -> Make:
    """The same, written to a pipe: the header is never mended."""

    def make(shop: Workshop, target: Path) -> None:
        target.write_bytes(shop.ffmpeg("-i", shop.wav(seconds, rate, channels), *arguments, "-"))

    return make


def by_program(
    program: str,
    *arguments: str,
    seconds: float = 2.0,
    rate: int = 44_100,
    channels: int = 2,
    samples: int | None = None,
) -> Make:
    """Encode music by a program that is called with the wav's path for IN and the target's for OUT."""

    def make(shop: Workshop, target: Path) -> None:
        wav = shop.wav(seconds, rate, channels, samples=samples)
        names = {"IN": str(wav), "OUT": str(target)}
        shop.run(program, *(names.get(word, word) for word in arguments))

    return make


def changed(make: Make, change: Callable[[bytes], bytes]) -> Make:
    """What `make` writes, with its bytes changed."""

    def made(shop: Workshop, target: Path) -> None:
        make(shop, target)
        target.write_bytes(change(target.read_bytes()))

    return made


def cut(part: float) -> Callable[[bytes], bytes]:
    """The first part of a file."""
    return lambda content: content[: int(len(content) * part)]


def appended(tail: bytes) -> Callable[[bytes], bytes]:
    """Further bytes behind the last."""
    return lambda content: content + tail


def zeroed(begin: float, end: float) -> Callable[[bytes], bytes]:
    """Zeros in a part of a file."""

    def change(content: bytes) -> bytes:
        first, last = int(len(content) * begin), int(len(content) * end)
        return content[:first] + bytes(last - first) + content[last:]

    return change


def joined(*makes: Make) -> Make:
    """Files one behind the other, as `cat` joins them."""

    def made(shop: Workshop, target: Path) -> None:
        content = b""
        for make in makes:
            make(shop, target)
            content += target.read_bytes()
        target.write_bytes(content)

    return made


def cases(kind: str, makes: dict[str, Make], truth: Truth = "good", needs: str = "") -> Iterator[Case]:
    """Cases of one kind by their names."""
    for name, make in makes.items():
        yield Case(kind, name, make, truth, needs=frozenset(needs.split()))


def needing(cases: Iterator[Case], needs: str) -> Iterator[Case]:
    """The same cases with further programs."""
    return (replace(one, needs=one.needs | set(needs.split())) for one in cases)
