"""The link of a task to the OSS console."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oss_audio.links import OSSConsoleLink, console_address
from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio.operators.plan import OSSAudioPlanOperator

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment


def test_the_console_link_leads_to_the_prefix_and_carries_no_credentials(deployment: Deployment) -> None:
    local = deployment.oss
    assert console_address(local, "audio", "in/") == ""
    real = replace(local, endpoint="https://oss-cn-hangzhou.aliyuncs.com", region="cn-hangzhou")
    address = console_address(real, "audio", "in/曲 &?=/")
    assert address.startswith("https://oss.console.aliyun.com/bucket/oss-cn-hangzhou/audio/object?path=in%2F")
    assert address.count("?") == address.count("=") == 1
    assert not any(secret in address for secret in real.secrets)
    task = OSSAudioListOperator(task_id="t", bucket="audio", profiles="mobile-mp3")
    assert OSSConsoleLink().get_link(task, ti_key=None) == ""
    task.console_address = address
    assert OSSConsoleLink().get_link(task, ti_key=None) == address
    assert OSSConsoleLink().get_link(OSSAudioPlanOperator(task_id="p", batch=1), ti_key=None) == ""
