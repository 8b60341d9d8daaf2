"""How this project talks to OSS and IMM: settings, clients, and errors told in one clear sentence.

Nothing here imports an SDK at module level: `oss2`, `alibabacloud_oss_v2` and `alibabacloud_imm20200930` cost
about one second of CPU each, and every Airflow task process would pay for them.
"""

from __future__ import annotations

from include.oss.check import check_bucket, check_imm
from include.oss.errors import OssConfigurationError, OssUnavailable
from include.oss.explain import explain
from include.oss.imm import ImmTasks, TaskNotFound, TaskStatus
from include.oss.judging import is_expired, is_outage, is_unreachable, is_wrong_setting
from include.oss.patience import patiently
from include.oss.redact import redact
from include.oss.settings import OssSettings

__all__ = [
    "ImmTasks",
    "OssConfigurationError",
    "OssSettings",
    "OssUnavailable",
    "TaskNotFound",
    "TaskStatus",
    "check_bucket",
    "check_imm",
    "explain",
    "is_expired",
    "is_outage",
    "is_unreachable",
    "is_wrong_setting",
    "patiently",
    "redact",
]
