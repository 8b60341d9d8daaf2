"""How this project talks to OSS and IMM: settings, clients, and errors as one clear sentence.

Nothing here imports an SDK at module level: `oss2`, `alibabacloud_oss_v2` and `alibabacloud_imm20200930` cost
about one second of CPU each, and every Airflow task process would pay for them.
"""

from __future__ import annotations

from oss_audio_core.oss.check import check_bucket, check_imm
from oss_audio_core.oss.error_classification import (
    is_configuration_error,
    is_token_expired,
    is_transient,
    is_unreachable,
)
from oss_audio_core.oss.errors import OssConfigurationError, OssUnavailable
from oss_audio_core.oss.explain import explain
from oss_audio_core.oss.imm import ImmTasks, TaskNotFound, TaskStatus
from oss_audio_core.oss.redact import redact
from oss_audio_core.oss.retry import with_retries
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
    "is_configuration_error",
    "is_token_expired",
    "is_transient",
    "is_unreachable",
    "redact",
    "with_retries",
]
