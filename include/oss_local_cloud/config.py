"""The settings of a local cloud and the rules they keep."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from oss_local_cloud.events.event_rules import EventRule, EventRuleError, check_together
from oss_local_cloud.oss.addressing import check_bucket_name
from oss_local_cloud.oss.errors import OssError
from oss_local_cloud.signatures.credentials import Credentials

IMM_PROJECT = "local-imm"
"""The IMM project that the buckets named at start are bound to."""

_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SMQ_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}")


class ConfigError(ValueError):
    """An invalid setting; the message names the setting and what is allowed."""


@dataclass(frozen=True)
class Config:
    """Everything a local cloud is started with; `workers` conversions run at once, port 0 is any free one.

    `event_rules` None leaves those in force that the data directory keeps.
    """

    data: Path
    credentials: Credentials
    host: str = "127.0.0.1"
    oss_port: int = 9000
    smq_port: int = 9001
    imm_port: int = 9002
    admin_port: int | None = None
    admin_host: str = "127.0.0.1"
    seed: int | None = None
    region: str = "local-1"
    buckets: tuple[str, ...] = ()
    topic: str | None = None
    queue: str | None = None
    event_rules: tuple[EventRule, ...] | None = None
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)

    def __post_init__(self) -> None:
        if not self.credentials.access_key_id or not self.credentials.access_key_secret:
            raise ConfigError("The access key is incomplete: give --access-key-id and --access-key-secret.")
        ports = {name: getattr(self, name) for name in ("oss_port", "smq_port", "imm_port", "admin_port")}
        for name, port in ports.items():
            if port is not None and not 0 <= port <= 65535:
                raise ConfigError(f"{_flag(name)} is {port}; allowed are 0 (any free port) to 65535.")
        fixed = [port for port in ports.values() if port]
        if len(set(fixed)) != len(fixed):
            raise ConfigError("--oss-port, --smq-port, --imm-port and --admin-port must differ.")
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise ConfigError(f"--seed is {self.seed}; allowed are 0 to {2**63 - 1}.")
        if not _REGION.fullmatch(self.region):
            raise ConfigError(
                f"--region is {self.region!r}; allowed are lower-case letters, digits and hyphens, as in local-1."
            )
        for bucket in self.buckets:
            try:
                check_bucket_name(bucket)
            except OssError:
                raise ConfigError(
                    f"--bucket is {bucket!r}; allowed are 3 to 63 lower-case letters, digits and hyphens,"
                    " beginning and ending with a letter or digit."
                ) from None
        for name in ("topic", "queue"):
            value = getattr(self, name)
            if value is not None and not _SMQ_NAME.fullmatch(value):
                raise ConfigError(f"{_flag(name)} is {value!r}; allowed are 1 to 120 letters, digits and hyphens.")
        for rule in self.event_rules or ():
            try:
                check_bucket_name(rule.bucket)
            except OssError:
                raise ConfigError(f"--event-rule {rule.name} names {rule.bucket!r}, which can't be a bucket.") from None
        try:
            check_together(self.event_rules or ())
        except EventRuleError as error:
            raise ConfigError(f"--event-rule: {error}") from None
        if self.workers < 1:
            raise ConfigError(f"--workers is {self.workers}; at least 1 conversion has to run at a time.")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
