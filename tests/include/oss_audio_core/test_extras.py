"""A missing extra is named with the line that installs it."""

from __future__ import annotations

import pytest

from oss_audio_core import extras
from oss_audio_core.extras import MODULES, MissingExtra, require


@pytest.mark.parametrize("extra", sorted(MODULES))
def test_what_is_installed_is_enough_and_what_is_absent_is_named(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    require(extra)
    monkeypatch.setattr(extras, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtra) as missing:
        require(extra)
    assert str(missing.value).endswith(f"not installed: pip install 'airflow-provider-oss-audio[{extra}]'")
    assert all(name in str(missing.value) for name in MODULES[extra])
