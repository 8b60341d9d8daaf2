"""Check that crcmod runs its C extension.

Both OSS SDKs compute a CRC-64 of everything they send and fetch. Two packages, crcmod and crcmod-plus,
install into the same folder, and a broken installation falls back to Python silently, a hundred times slower.
The check looks at the function that the library calls, not at the time it takes.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import BuiltinFunctionType

CRC64_POLYNOMIAL = 0x142F0E1EBA9EA3693
"""CRC-64/XZ, which OSS uses."""
CHECK_INPUT, CHECK_VALUE = b"123456789", 0x995DC9BBDF1939FA
"""The check value that the catalogue of CRC algorithms gives for it."""

REMEDY = "run `make setup` again; without a C compiler, crcmod-plus has to be installed after crcmod"


def problem() -> str | None:
    """Return what is wrong with the installed crcmod, `None` when it is fast and correct."""
    import crcmod

    implementation = vars(import_module("crcmod.crcmod"))["_crcfun"]
    extension = sys.modules.get("crcmod._crcfunext")
    if extension is None or implementation is not extension:
        return f"crcmod did not load its C extension; {REMEDY}"
    if not isinstance(extension._crc64r, BuiltinFunctionType):
        return f"crcmod has a C extension but computes in Python; {REMEDY}"
    value = crcmod.mkCrcFun(CRC64_POLYNOMIAL, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF)(CHECK_INPUT)
    if value != CHECK_VALUE:
        return f"crcmod computes {value:#x} instead of {CHECK_VALUE:#x}: its two packages don't fit; {REMEDY}"
    return None


if __name__ == "__main__":
    sys.exit(problem())
