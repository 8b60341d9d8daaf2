"""A configuration is checked however it is made; the error names the flag and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from oss_local_cloud.config import Config, ConfigError
from oss_local_cloud.events.event_rules import EventRule
from oss_local_cloud.signatures.credentials import Credentials

CREDENTIALS = Credentials("ak", "sk")


def test_the_defaults_open_no_admin_port() -> None:
    config = Config(Path("data"), CREDENTIALS)
    assert (config.oss_port, config.smq_port, config.imm_port, config.admin_port) == (9000, 9001, 9002, None)
    assert config.workers >= 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"credentials": Credentials("ak", "")}, "--access-key-secret"),
        ({"oss_port": 65536}, "--oss-port is 65536"),
        ({"smq_port": 9000}, "must differ"),
        ({"seed": -1}, "--seed is -1"),
        ({"region": "Local"}, "--region"),
        ({"buckets": ("B",)}, "--bucket"),
        ({"topic": "a b"}, "--topic"),
        ({"queue": ""}, "--queue"),
        ({"event_rules": (EventRule("r", "B", "t"),)}, "can't be a bucket"),
        ({"event_rules": (EventRule("r", "audio", "t"),) * 2}, "two event rules"),
        ({"workers": 0}, "--workers is 0"),
    ],
)
def test_an_invalid_setting_is_refused_by_its_flag(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Config(**{"data": Path("data"), "credentials": CREDENTIALS, **settings})
    assert message in str(refused.value)


def test_any_number_of_ports_may_be_left_to_the_system() -> None:
    assert Config(Path("data"), CREDENTIALS, oss_port=0, smq_port=0, imm_port=0, admin_port=0).admin_port == 0
