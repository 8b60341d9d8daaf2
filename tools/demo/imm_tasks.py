"""The number of conversions that the cloud accepted, from the cloud itself and not from the catalogue."""

from __future__ import annotations

from importlib import import_module
from urllib.parse import urlsplit

from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.imm import PAGE, TASK_TYPE
from oss_audio_core.oss.sdk import load_imm


def count_conversion_tasks(settings: OssSettings, bucket: str) -> int:
    """Count the conversion tasks in the IMM project of `bucket`, by ListTasks of the plain IMM SDK."""
    address = urlsplit(settings.imm_address)
    config = import_module("alibabacloud_tea_openapi.utils_models").Config(
        access_key_id=settings.access_key_id,
        access_key_secret=settings.access_key_secret,
        endpoint=address.netloc,
        protocol=address.scheme,
        region_id=settings.region,
    )
    sdk = load_imm()
    client = sdk.client.Client(config)
    project = settings.imm().project_of(bucket)
    count, token = 0, None
    while True:
        request = sdk.models.ListTasksRequest(
            project_name=project, task_types=[TASK_TYPE], max_results=PAGE, next_token=token
        )
        body = client.list_tasks(request).body
        count += len(body.tasks or ())
        token = body.next_token
        if not token:
            return count
