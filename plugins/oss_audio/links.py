"""Links that a task shows in the Airflow UI."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink

from oss_audio_core.oss import OssSettings


class OSSConsoleLink(BaseOperatorLink):
    """From a task to what it works on in the OSS console; nothing where OSS isn't Alibaba Cloud's own.

    Airflow reads the address on the worker when the task has ended, and keeps it. The operator sets it while it runs,
    with `console_address`.
    """

    name = "OSS console"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """The address that the operator has set; empty: none."""
        return getattr(operator, "console_address", "")


def console_address(settings: OssSettings, bucket: str, prefix: str) -> str:
    """The console's page of a bucket's objects below a prefix; it carries no credentials."""
    if not settings.endpoint.endswith(".aliyuncs.com"):
        return ""
    place = f"oss-{settings.region}/{bucket}/object?path={quote(prefix, safe='')}"
    return f"https://oss.console.aliyun.com/bucket/{place}"
