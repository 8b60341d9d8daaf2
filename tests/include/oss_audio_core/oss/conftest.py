"""The local cloud as OssSettings, and an object of one's own in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.oss import OssSettings
from oss_local_cloud.fault_injection.admin_client import AdminClient

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess


def settings_of(cloud: CloudProcess, **changes: object) -> OssSettings:
    """OssSettings for a running local cloud."""
    values: dict[str, object] = {
        "endpoint": cloud.oss,
        "region": cloud.region,
        "access_key_id": cloud.access_key_id,
        "access_key_secret": cloud.access_key_secret,
        "imm_endpoint": cloud.imm,
        "path_style": True,
        "name": "connection 'oss_default'",
    }
    return OssSettings(**(values | changes))


@pytest.fixture
def oss_settings(local_cloud: CloudProcess) -> OssSettings:
    return settings_of(local_cloud)


@pytest.fixture
def unbound_bucket(oss_settings: OssSettings) -> str:
    """A bucket that is bound to no IMM project."""
    name = "not-bound-to-imm"
    oss_settings.bucket(name).create_bucket()
    return name


@pytest.fixture
def admin(faulty_cloud: CloudProcess) -> Iterator[AdminClient]:
    """The admin client of the cloud with fault injection; before and after a test there are no rules."""
    client = AdminClient(faulty_cloud.admin)
    client.reset()
    yield client
    client.reset()


@pytest.fixture
def settings(faulty_cloud: CloudProcess) -> OssSettings:
    """The cloud with fault injection."""
    return settings_of(faulty_cloud)
