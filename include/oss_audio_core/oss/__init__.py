"""How this project talks to OSS and IMM: settings, clients, and errors told in one clear sentence.

Nothing here imports an SDK at module level: `oss2`, `alibabacloud_oss_v2` and `alibabacloud_imm20200930` cost
about one second of CPU each, and every Airflow task process would pay for them.
"""

from __future__ import annotations

from oss_audio_core.oss.check import check_bucket, check_imm
from oss_audio_core.oss.error_classification import is_expired, is_outage, is_unreachable, is_wrong_setting
from oss_audio_core.oss.errors import OssConfigurationError, OssUnavailable
from oss_audio_core.oss.explain import explain
from oss_audio_core.oss.imm import ImmTasks, TaskNotFound, TaskStatus
from oss_audio_core.oss.redact import redact
from oss_audio_core.oss.retry import patiently
from oss_audio_core.oss.settings import OssSettings

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
