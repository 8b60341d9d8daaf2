"""Audio that is odd by its shape, and audio that is damaged by chance: small, and made from a seed."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable, Mapping

PCM = 1
FLOAT = 3


def wave_file(samples: bytes, *, kind: int = PCM, channels: int = 1, rate: int = 8000, bits: int = 16) -> bytes:
    """A WAV file with these bytes as its samples, whatever its header says of them."""
    block = channels * bits // 8
    header = struct.pack("<HHIIHH", kind, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    chunks = b"WAVEfmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def tone(samples: int = 1600) -> list[float]:
    """A sine, half of full scale."""
    return [0.5 * math.sin(n / 3) for n in range(samples)]


def pcm(samples: int = 1600) -> bytes:
    """The tone as 16-bit samples."""
    return b"".join(struct.pack("<h", round(32767 * value)) for value in tone(samples))


def floats(samples: int = 1600) -> bytearray:
    """The tone as 32-bit floats."""
    return bytearray(b"".join(struct.pack("<f", value) for value in tone(samples)))


def _flipped_exponent(bit: int) -> bytes:
    """One bit of one sample's exponent is the other one."""
    content = floats()
    content[4 * 400 + 3] ^= 1 << bit
    return wave_file(bytes(content), kind=FLOAT, bits=32)


def _with_sample(sample: bytes) -> bytes:
    content = floats()
    content[1600:1604] = sample
    return wave_file(bytes(content), kind=FLOAT, bits=32)


SHAPES: Mapping[str, Callable[[], bytes]] = {
    "flipped exponent bit": lambda: _flipped_exponent(6),
    "flipped lower exponent bit": lambda: _flipped_exponent(4),
    "infinite sample": lambda: _with_sample(struct.pack("<f", math.inf)),
    "sample that is no number": lambda: _with_sample(struct.pack("<f", math.nan)),
    "largest float": lambda: _with_sample(b"\xff\xff\x7f\x7f"),
    "64-bit integers": lambda: wave_file(pcm(), bits=64),
    "64-bit floats": lambda: wave_file(struct.pack("<400d", *tone(400)), kind=FLOAT, bits=64),
    "64 channels": lambda: wave_file(pcm(64 * 100), channels=64),
    "65 channels": lambda: wave_file(pcm(65 * 100), channels=65),
    "255 channels": lambda: wave_file(pcm(255 * 100), channels=255),
    "65,535 channels": lambda: wave_file(pcm(), channels=65_535),
    "no channel": lambda: wave_file(pcm(), channels=0),
    "2,147,483,647 Hz": lambda: wave_file(pcm(), rate=2**31 - 1),
    "4,294,967,295 Hz": lambda: wave_file(pcm(), rate=2**32 - 1),
    "1 Hz": lambda: wave_file(pcm(), rate=1),
    "0 Hz": lambda: wave_file(pcm(), rate=0),
    "one sample": lambda: wave_file(pcm(1)),
    "no sample": lambda: wave_file(b""),
    "7 bits": lambda: wave_file(pcm(), bits=7),
    "no bits": lambda: wave_file(pcm(), bits=0),
    "unknown kind": lambda: wave_file(pcm(), kind=0x7777),
    "header alone": lambda: wave_file(b"")[:44],
    "half a header": lambda: wave_file(pcm())[:30],
    "one byte": lambda: b"R",
}
"""Files that a tool can write, or one flipped bit away from them, by name."""


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The same bytes, damaged: flipped bits, foreign bytes, parts left out, doubled or moved, or an end too early."""
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        _damage(damaged, chance)
    return bytes(damaged) or b"\x00"


def _damage(content: bytearray, chance: random.Random) -> None:
    # Half of the damage hits the header, where a byte means most.
    reach = min(len(content), 64) if chance.random() < 0.5 else len(content)
    if not reach:
        return
    at, length = chance.randrange(reach), chance.choice((1, 2, 4, 8, 64, 256))
    match chance.randrange(7):
        case 0 | 1:
            content[at] ^= 1 << chance.randrange(8)
        case 2:
            content[at : at + length] = chance.randbytes(length)
        case 3:
            content[at : at + length] = chance.choice((b"\x00", b"\xff", b"\x7f")) * length
        case 4:
            del content[at : at + length]
        case 5:
            content[at:at] = content[at : at + length]
        case _:
            del content[max(at, 1) :]
