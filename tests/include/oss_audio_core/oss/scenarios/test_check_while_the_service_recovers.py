"""The look before a batch, while OSS or IMM can't serve: asked again, and never taken for a wrong setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oss_audio_core.oss import OssSettings, OssUnavailable, check_bucket, check_imm
from oss_local_cloud.fault_injection.admin_client import AdminClient
from oss_local_cloud.fault_injection.rules import Error

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess


def test_a_service_that_recovers_is_asked_again(
    admin: AdminClient, settings: OssSettings, faulty_cloud: CloudProcess
) -> None:
    for service in ("imm", "oss"):
        admin.add(Error(service=service, status=503, times=2))
    check_bucket(settings, faulty_cloud.bucket, pauses=(0, 0))
    assert check_imm(settings, faulty_cloud.bucket, pauses=(0, 0))


@pytest.mark.parametrize(("status", "code"), [(500, None), (503, None), (429, "Throttling")])
def test_a_service_that_does_not_recover_is_no_wrong_setting(
    admin: AdminClient, settings: OssSettings, faulty_cloud: CloudProcess, status: int, code: str | None
) -> None:
    rules = [admin.add(Error(service=service, status=status, code=code)) for service in ("imm", "oss")]
    with pytest.raises(OssUnavailable, match=r"\(3 tries\)"):
        check_imm(settings, faulty_cloud.bucket, pauses=(0, 0))
    with pytest.raises(OssUnavailable, match=r"\(3 tries\)"):
        check_bucket(settings, faulty_cloud.bucket, pauses=(0, 0))
    assert [admin.rule(rule).fired for rule in rules] == [3, 3]


def test_a_token_that_has_expired_may_be_renewed_before_the_next_try_of_the_task(
    admin: AdminClient, settings: OssSettings, faulty_cloud: CloudProcess
) -> None:
    rule = admin.add(Error(service="oss", status=403, code="SecurityTokenExpired"))
    with pytest.raises(OssUnavailable, match="put fresh STS credentials into"):
        check_bucket(settings, faulty_cloud.bucket, pauses=(3600, 3600))
    # This process has the old one: asking again would change nothing.
    assert admin.rule(rule).fired == 1
