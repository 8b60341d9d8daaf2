"""The CRC library of both OSS SDKs runs its C extension, and the check finds one that doesn't."""

from __future__ import annotations

import importlib
import sys

import pytest

from tools.checks.crc_extension import problem

IMPLEMENTATION = importlib.import_module("crcmod.crcmod")
"""Not `crcmod.crcmod`: of the two packages that share the name, one puts itself at that attribute."""


def test_the_installed_library_is_fast_and_correct() -> None:
    assert problem() is None


def test_a_fallback_to_python_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    python_form = importlib.import_module("crcmod._crcfunpy")
    monkeypatch.setattr(IMPLEMENTATION, "_crcfun", python_form)
    assert "did not load its C extension" in str(problem())


def test_an_extension_that_is_not_compiled_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    python_form = importlib.import_module("crcmod._crcfunpy")
    monkeypatch.setattr(IMPLEMENTATION, "_crcfun", python_form)
    monkeypatch.setitem(sys.modules, "crcmod._crcfunext", python_form)
    assert "computes in Python" in str(problem())
